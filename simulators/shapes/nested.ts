type Nested = { [name: string]: unknown }

/** `{"ENERGY.Power": 3}` -> `{"ENERGY": {"Power": 3}}`. */
export function nested(values: Readonly<Record<string, unknown>>): Record<string, Nested> {
  const root: Nested = {}
  for (const [path, value] of Object.entries(values)) {
    const names = path.split('.')
    let at = root
    for (const name of names.slice(0, -1)) {
      at[name] ??= {}
      at = at[name] as Nested
    }
    at[names.at(-1)!] = value
  }
  return root as Record<string, Nested>
}
