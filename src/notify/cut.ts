/** What stands at the end of a text that was cut. */
const CUT = '… (cut)'

/** The beginning of a text, no longer than so many UTF-16 units. No character is cut in two, so that the rest stays valid text. */
export function cutTo(text: string, most: number): string {
  if (text.length <= most) return text
  return `${whole(text.slice(0, Math.max(0, most - CUT.length)))}${CUT}`
}

function whole(text: string): string {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text
}

/** A text on one line, without what moves the cursor, turns the direction of writing, or cannot be seen. */
export function oneLine(text: string): string {
  return clean(text).replaceAll(/\s+/g, ' ').trim()
}

/** A text whose only control character is the line break: what comes from an alert must look like what it is. */
export function clean(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/(?!\n)[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')
}
