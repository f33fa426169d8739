/** Control characters, line breaks of any script, what turns the direction of writing, and what is invisible. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/**
 * A text from a pod as it may be shown to people: what would move a cursor, hide or turn other text stands as its code, and it is cut at
 * so many characters.
 */
export function shownText(text: string, limit: number): string {
  const plain = text
    .slice(0, limit * 4)
    .replaceAll(/\s*[\r\n]+\s*/g, ' ')
    .replaceAll(UNSEEN, found => `\\u{${found.codePointAt(0)?.toString(16) ?? ''}}`)
    .trim()
  const characters = [...plain]
  return characters.length <= limit ? plain : `${characters.slice(0, limit - 1).join('')}…`
}
