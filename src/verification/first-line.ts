import { isObject, textAt } from '../base/json.ts'

/** Long enough for a sentence, short enough for a timeline. */
const LONGEST = 200
/** Where gateways and servers put their sentence in a body of JSON. */
const SENTENCES = ['error', 'message', 'Message', 'error_description', 'detail'] as const

/**
 * What the body of an error says, in one line: the sentence of a JSON object, the title of a page, else the first line that is not
 * empty. Known credentials were taken out of the body before.
 */
export function firstLineOf(body: string): string {
  const line =
    sentenceOf(body) ??
    /<title[^>]*>([^<]*)</i.exec(body)?.[1] ??
    body
      .replaceAll(/<[^>]*>/g, ' ')
      .split('\n')
      .find(candidate => candidate.trim() !== '') ??
    ''
  const plain = line.trim().replaceAll(/\s+/g, ' ')
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain
}

function sentenceOf(body: string): string | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return undefined
  }
  if (typeof parsed === 'string') return parsed
  if (!isObject(parsed)) return undefined
  const [sentence] = SENTENCES.flatMap(key => textAt(parsed, key) ?? [])
  return sentence?.split('\n').find(line => line.trim() !== '')
}
