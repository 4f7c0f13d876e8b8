/**
 * The keys of objects, in their order. Devices send the same keys again and again: a row of them is found by walking
 * down a tree, where a step that was taken before is one comparison. Looking up each key took three times as long.
 *
 * The tree is all that keeps rows: whoever remembers one for long, as each topic does, remembers its number.
 */

import type { JsonObject } from './json.ts'
import { type Key, keyOf, MAX_KEPT_LENGTH } from './keys.ts'

interface Node {
  readonly name: string
  /** From the first key to this one. */
  readonly row: readonly Key[]
  readonly number: number
  /** The last step that was taken from here. */
  next: Node | null
  /** All of them; none before the second. */
  others: Map<string, Node> | null
}

/** Longer ones are not kept. */
const MAX_ROW_LENGTH = 32
/** Random keys must not fill the memory: past this the tree starts anew. */
export const MAX_ROWS = 10_000

/** Of an object without keys, or with such as are not kept. */
export const NO_ROW: readonly Key[] = []
/** The number of NO_ROW. */
export const NO_NUMBER = 0

const NO_NODE = newNode('', NO_ROW, NO_NUMBER)

let root = newNode('', NO_ROW, NO_NUMBER)
/** Of all nodes of the tree. A number is never given twice. */
let rows: (readonly Key[])[] = []
let firstNumber = NO_NUMBER + 1

/** All keys of the object, the same array for the same names; or NO_ROW. */
export function rowOf(object: JsonObject): readonly Key[] {
  return nodeOf(object).row
}

export function rowNumberOf(object: JsonObject): number {
  return nodeOf(object).number
}

/** NO_ROW also when the tree started anew since. */
export function rowNumbered(number: number): readonly Key[] {
  return number < firstNumber ? NO_ROW : rows[number - firstNumber]!
}

function nodeOf(object: JsonObject): Node {
  let node = root
  for (const name in object) {
    const { next } = node
    if (next !== null && next.name === name) node = next
    else if (node.row.length === MAX_ROW_LENGTH || name.length > MAX_KEPT_LENGTH) return NO_NODE
    else node = step(node, name)
  }
  return node
}

function step(from: Node, name: string): Node {
  const node = from.others?.get(name) ?? grow(from, name)
  from.next = node
  return node
}

function grow(from: Node, name: string): Node {
  if (rows.length >= MAX_ROWS) {
    root = newNode('', NO_ROW, NO_NUMBER)
    firstNumber += rows.length
    rows = []
  }
  const node = newNode(name, [...from.row, keyOf(name)], firstNumber + rows.length)
  rows.push(node.row)
  if (from.others !== null) from.others.set(name, node)
  else if (from.next !== null)
    from.others = new Map([
      [from.next.name, from.next],
      [name, node],
    ])
  return node
}

function newNode(name: string, row: readonly Key[], number: number): Node {
  return { name, row, number, next: null, others: null }
}
