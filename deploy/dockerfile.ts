/** Reads our Dockerfile and .dockerignore: as much of their languages as we use, and an error for the rest. */

import { matchesGlob } from 'node:path'

export type Instruction =
  | { readonly kind: 'workdir'; readonly path: string }
  | {
      readonly kind: 'copy'
      readonly from: string | null
      readonly sources: readonly string[]
      readonly to: string
    }
  | { readonly kind: 'run'; readonly command: string }
  | { readonly kind: 'env'; readonly name: string; readonly value: string }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'volume'; readonly path: string }
  | { readonly kind: 'expose'; readonly ports: readonly number[] }
  | { readonly kind: 'healthcheck'; readonly argv: readonly string[] }
  | { readonly kind: 'cmd'; readonly argv: readonly string[] }

export interface Stage {
  /** Null: the last one, which becomes the image. */
  readonly name: string | null
  readonly image: string
  readonly instructions: readonly Instruction[]
}

/** Throws for an instruction that it does not know. */
export function parseDockerfile(text: string): readonly Stage[] {
  const stages: { name: string | null; image: string; instructions: Instruction[] }[] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [word = '', rest = ''] = splitFirst(line)
    if (word === 'FROM') {
      const [image = '', , name = null] = rest.split(' ')
      stages.push({ name, image, instructions: [] })
    } else stages.at(-1)!.instructions.push(instruction(word, rest))
  }
  return stages
}

function instruction(word: string, rest: string): Instruction {
  switch (word) {
    case 'WORKDIR':
      return { kind: 'workdir', path: rest }
    case 'COPY': {
      const words = rest.split(' ')
      const from = words[0]?.startsWith('--from=') ? words.shift()!.slice('--from='.length) : null
      return { kind: 'copy', from, sources: words.slice(0, -1), to: words.at(-1)! }
    }
    case 'RUN':
      return { kind: 'run', command: rest }
    case 'ENV': {
      const at = rest.indexOf('=')
      return { kind: 'env', name: rest.slice(0, at), value: rest.slice(at + 1) }
    }
    case 'USER':
      return { kind: 'user', name: rest }
    case 'VOLUME':
      return { kind: 'volume', path: rest }
    case 'EXPOSE':
      return { kind: 'expose', ports: rest.split(' ').map(Number) }
    case 'HEALTHCHECK':
      return { kind: 'healthcheck', argv: JSON.parse(rest.slice(rest.indexOf('['))) }
    case 'CMD':
      return { kind: 'cmd', argv: JSON.parse(rest) }
    default:
      throw new Error(`Dockerfile: ${word} is not known here`)
  }
}

function splitFirst(line: string): [string, string] {
  const at = line.indexOf(' ')
  return [line.slice(0, at), line.slice(at + 1)]
}

/** Whether the build does not see this path, a file or a folder: it, or a folder above it, is named. */
export function dockerIgnore(text: string): (path: string) => boolean {
  const patterns = text.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'))
  return path => {
    const parts = path.split('/')
    return parts.some((_, depth) => {
      const upTo = parts.slice(0, depth + 1).join('/')
      return patterns.some(pattern => matchesGlob(upTo, pattern))
    })
  }
}
