/** What an examination says, a line for each subject: that it is well, or what is wrong with it and what to do. */

export interface Finding {
  readonly subject: 'url' | 'port' | 'file' | 'key' | 'chain' | 'ca' | 'name' | 'expiry' | 'path' | 'origin'
  readonly isWell: boolean
  readonly text: string
}

export function well(subject: Finding['subject'], text: string): Finding {
  return { subject, isWell: true, text }
}

export function wrong(subject: Finding['subject'], text: string): Finding {
  return { subject, isWell: false, text }
}

/** As it is printed. */
export function lineOf(isWell: boolean, text: string): string {
  return `${isWell ? 'ok   ' : 'LOOK '} ${text}\n`
}

/** The last line of what looks at something. */
export function verdict(problems: number): string {
  if (problems === 0) return 'All is well.\n'
  return `${problems} ${problems === 1 ? 'thing' : 'things'} to look at.\n`
}
