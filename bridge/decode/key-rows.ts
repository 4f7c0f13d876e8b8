/**
 * The keys of objects, in their order. Devices send the same keys again and again: a row of them is found by walking
 * down a tree, where a step that was taken before is one comparison. Looking up each key took three times as long.
 */

import type { JsonObject } from './json.ts'
import { type Key, keyOf, MAX_KEPT_LENGTH } from './keys.ts'

interface Node {
  readonly name: string
  /** From the first key to this one. */
  readonly row: readonly Key[]
  /** The last step that was taken from here. */
  next: Node | null
  /** All of them; none before the second. */
  others: Map<string, Node> | null
}

/** Longer ones are not kept. */
const MAX_ROW_LENGTH = 32
/** Random keys must not fill the memory: past this the tree starts anew. */
const MAX_NODES = 10_000

/** Of an object without keys, or with such as are not kept. */
export const NO_ROW: readonly Key[] = []

let root = newNode('', NO_ROW)
let nodes = 0

/** All keys of the object, the same array for the same names; or NO_ROW. */
export function rowOf(object: JsonObject): readonly Key[] {
  let node = root
  for (const name in object) {
    const { next } = node
    if (next !== null && next.name === name) node = next
    else if (node.row.length === MAX_ROW_LENGTH || name.length > MAX_KEPT_LENGTH) return NO_ROW
    else node = step(node, name)
  }
  return node.row
}

function step(from: Node, name: string): Node {
  let node = from.others?.get(name)
  if (node === undefined) {
    if (nodes++ >= MAX_NODES) {
      root = newNode('', NO_ROW)
      nodes = 0
    }
    node = newNode(name, [...from.row, keyOf(name)])
    from.others ??= new Map()
    from.others.set(name, node)
  }
  from.next = node
  return node
}

function newNode(name: string, row: readonly Key[]): Node {
  return { name, row, next: null, others: null }
}
