type Cell = string | number | boolean | null | undefined

/** RFC 4180, one header row. Texts are made safe for spreadsheets; numbers stay numbers, nothing is an empty cell. */
export function toCsv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [header, ...rows].map(row => `${row.map(cellText).join(',')}\r\n`).join('')
}

/**
 * A device chooses its texts, and a spreadsheet runs what begins like a formula: an apostrophe before it makes it a
 * text. [ASVS 1.2.10]
 */
function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell !== 'string') return String(cell)
  const safe = /^[=+\-@\t\r\n\0＝＋－＠]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
