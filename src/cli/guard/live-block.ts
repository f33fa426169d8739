/** One line at the bottom of a terminal that is written over again and again. */
export interface LiveBlock {
  show(text: string): void
  clear(): void
}

const ERASE = '\r\u001b[2K'
const OTHERWISE = 80

/** @param out a terminal; nothing else understands what is written */
export function createLiveBlock(out: Pick<NodeJS.WriteStream, 'write'> & { readonly columns?: number }): LiveBlock {
  let shown = ''
  return {
    show(text) {
      // A line that wraps could not be erased again.
      const columns = out.columns === undefined || out.columns < 2 ? OTHERWISE : out.columns
      const fitting = text.length < columns ? text : `${text.slice(0, columns - 2)}…`
      if (fitting === shown) return
      out.write(`${ERASE}${fitting}`)
      shown = fitting
    },
    clear() {
      if (shown !== '') out.write(ERASE)
      shown = ''
    }
  }
}
