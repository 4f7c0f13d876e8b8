/** Brings the head of a room into view, below what is sticky there. */
export function scrollToRoom(name: string): void {
  const rows = document.getElementById(`room-${name}`)
  if (!rows) return
  const sticky =
    (document.querySelector('.ruler')?.clientHeight ?? 0) +
    (document.querySelector('.banner')?.clientHeight ?? 0)
  scrollTo({ top: scrollY + rows.getBoundingClientRect().top - sticky, behavior: 'instant' })
}
