/** Where a password comes from: typed twice and not shown, read from a pipe, or made here. */

import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { generateSecret } from '../identity/secrets.ts'
import { fail } from './surroundings.ts'

export interface PasswordFlags {
  readonly passwordStdin?: boolean
  readonly generate?: boolean
  readonly json?: boolean
}

export interface Chosen {
  readonly password: string
  /** Nobody knows it yet: it is to be shown, once. */
  readonly isNew: boolean
}

/** Shorter ones are guessed; this is said, and no more. */
const SHORT = 10

/** Without a terminal to ask at, one is made. */
export async function choosePassword({ passwordStdin, generate, json }: PasswordFlags): Promise<Chosen> {
  if (passwordStdin) return { password: checked(await readPipe()), isNew: false }
  if (generate || json || !process.stdin.isTTY) return { password: generateSecret(), isNew: true }
  const [first, second] = await ask(['Password: ', 'Once more: '])
  if (first !== second) fail('the two are not the same; nothing was changed')
  return { password: checked(first!), isNew: false }
}

function checked(password: string): string {
  if (password === '') fail('an empty password lets everybody in; nothing was changed')
  if (password.length < SHORT)
    process.stderr.write(`That is a short password: ${SHORT} characters or more are harder to guess.\n`)
  return password
}

async function readPipe(): Promise<string> {
  return (await buffer(process.stdin)).toString().replace(/\r?\n$/, '')
}

/** Readline writes what is typed to its output, which swallows it. */
async function ask(prompts: readonly string[]): Promise<string[]> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  const answers: string[] = []
  lines.on('SIGINT', () => fail('\nnothing was changed'))
  const typed = lines[Symbol.asyncIterator]()
  for (const prompt of prompts) {
    process.stderr.write(prompt)
    const { value, done } = await typed.next()
    process.stderr.write('\n')
    if (done) fail('nothing was changed')
    answers.push(value)
  }
  lines.close()
  return answers
}
