/**
 * A tree over the levels of topics that answers both questions of MQTT [MQTT-4.7]: holding filters, which of them
 * match a topic; holding topics, which of them a filter matches. Either walks only the branches that can match.
 */

interface Node<T> {
  value: T | undefined
  readonly children: Map<string, Node<T>>
}

export class TopicTree<T> {
  readonly #root: Node<T> = newNode()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(path: string): T | undefined {
    let node: Node<T> | undefined = this.#root
    for (const level of path.split('/')) node = node?.children.get(level)
    return node?.value
  }

  set(path: string, value: T): void {
    let node = this.#root
    for (const level of path.split('/')) {
      let child = node.children.get(level)
      if (child === undefined) {
        child = newNode()
        node.children.set(level, child)
      }
      node = child
    }
    if (node.value === undefined) this.#size++
    node.value = value
  }

  delete(path: string): void {
    if (remove(this.#root, path.split('/'), 0)) this.#size--
  }

  /** Everything that something is held by. */
  paths(): Generator<string> {
    return pathsUnder(this.#root, [])
  }

  /** What is held by the filters that match `topic`. */
  matchingFilters(topic: string): T[] {
    const found: T[] = []
    if (this.#size > 0) collectFilters(this.#root, topic.split('/'), 0, found)
    return found
  }

  /** What is held by the topics that `filter` matches; one at a time, as `#` may ask for everything. */
  matchingTopics(filter: string): Generator<T> {
    return topicsUnder(this.#root, filter.split('/'), 0, true)
  }
}

function* pathsUnder<T>(node: Node<T>, levels: readonly string[]): Generator<string> {
  if (node.value !== undefined) yield levels.join('/')
  for (const [level, child] of node.children) yield* pathsUnder(child, [...levels, level])
}

function newNode<T>(): Node<T> {
  return { value: undefined, children: new Map() }
}

/** Takes the empty branch with it. */
function remove<T>(node: Node<T>, levels: readonly string[], depth: number): boolean {
  if (depth === levels.length) {
    const wasThere = node.value !== undefined
    node.value = undefined
    return wasThere
  }
  const level = levels[depth]!
  const child = node.children.get(level)
  if (child === undefined) return false
  const wasThere = remove(child, levels, depth + 1)
  if (child.value === undefined && child.children.size === 0) node.children.delete(level)
  return wasThere
}

function collectFilters<T>(node: Node<T>, levels: readonly string[], depth: number, found: T[]): void {
  const { children } = node
  // [MQTT-4.7.2-1]: a leading wildcard does not match what begins with `$`.
  const isWild = depth > 0 || !levels[0]!.startsWith('$')
  // `a/#` matches `a` itself [MQTT-4.7.1-2]: asked before the end of the topic is.
  const rest = isWild ? children.get('#')?.value : undefined
  if (rest !== undefined) found.push(rest)
  if (depth === levels.length) {
    if (node.value !== undefined) found.push(node.value)
    return
  }
  const any = isWild ? children.get('+') : undefined
  if (any !== undefined) collectFilters(any, levels, depth + 1, found)
  const same = children.get(levels[depth]!)
  if (same !== undefined) collectFilters(same, levels, depth + 1, found)
}

function* topicsUnder<T>(
  node: Node<T>,
  filter: readonly string[],
  depth: number,
  isRoot: boolean,
): Generator<T> {
  const wanted = filter[depth]
  if (wanted === undefined || wanted === '#') {
    if (node.value !== undefined) yield node.value
    if (wanted === undefined) return
  }
  if (wanted === '#' || wanted === '+') {
    for (const [level, child] of node.children) {
      if (isRoot && level.startsWith('$')) continue
      yield* topicsUnder(child, filter, wanted === '#' ? depth : depth + 1, false)
    }
    return
  }
  const child = node.children.get(wanted)
  if (child !== undefined) yield* topicsUnder(child, filter, depth + 1, false)
}
