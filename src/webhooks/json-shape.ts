import { type ParsedTokenInfo, Tokenizer, TokenType } from '@streamparser/json'

export type JsonPrimitive = ParsedTokenInfo['value']

/** What a JSON text is made of, in the order in which it stands there. */
export interface JsonEvents {
  opened(kind: 'object' | 'array', offset: number): void
  closed(offset: number): void
  key(name: string): void
  scalar(value: JsonPrimitive, offset: number): void
}

/** The text is not JSON; the message says why and at which byte. */
export class JsonFault extends Error {}

/** Deeper than any sender nests what it means: Alertmanager's payload is four deep. Each level costs memory. */
const DEEPEST = 1_000
/** Longer texts and numbers are gathered in buffers of this size, bytes: a piece of memory for each character would be fifty times the text. */
const GATHERED = 64 * 1024

/** What may come next. */
type Next = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or the end' | 'nothing'

/**
 * Reads JSON text piece by piece and keeps none of it: memory grows only with the depth and with the longest single text. The
 * tokenizer knows tokens and not their order, so the order is checked here.
 */
export function createJsonReader(events: JsonEvents): { write(part: Uint8Array): void; end(): void } {
  const open: ('object' | 'array')[] = []
  let next: Next = 'value'
  const tokenizer = new Tokenizer({ stringBufferSize: GATHERED, numberBufferSize: 1_024 })
  tokenizer.onError = cause => {
    throw cause instanceof JsonFault ? cause : new JsonFault(cause.message.split('\n')[0] ?? '', { cause })
  }

  const valueBegins = (): boolean => next === 'value' || next === 'value or ]'
  const valueIsOver = (): void => {
    next = open.length === 0 ? 'nothing' : ', or the end'
  }

  function begin(kind: 'object' | 'array', offset: number): void {
    if (!valueBegins()) throw unexpected(kind === 'object' ? '{' : '[', offset)
    if (open.length >= DEEPEST) throw new JsonFault(`nested deeper than ${DEEPEST} levels, at byte ${offset}`)
    open.push(kind)
    next = kind === 'object' ? 'key or }' : 'value or ]'
    events.opened(kind, offset)
  }

  function close(kind: 'object' | 'array', offset: number): void {
    const empty = kind === 'object' ? 'key or }' : 'value or ]'
    if (open.at(-1) !== kind || (next !== empty && next !== ', or the end')) throw unexpected(kind === 'object' ? '}' : ']', offset)
    open.pop()
    valueIsOver()
    events.closed(offset)
  }

  function scalar(value: JsonPrimitive, offset: number): void {
    if (typeof value === 'string' && (next === 'key' || next === 'key or }')) {
      next = ':'
      events.key(value)
      return
    }
    if (!valueBegins()) throw unexpected(typeof value === 'string' ? 'a text' : String(value), offset)
    valueIsOver()
    events.scalar(value, offset)
  }

  function unexpected(what: string, offset: number): JsonFault {
    return new JsonFault(`unexpected ${what} at byte ${offset}, in the place of ${next}`)
  }

  tokenizer.onToken = ({ token, value, offset }: ParsedTokenInfo) => {
    switch (token) {
      case TokenType.LEFT_BRACE:
        return begin('object', offset)
      case TokenType.LEFT_BRACKET:
        return begin('array', offset)
      case TokenType.RIGHT_BRACE:
        return close('object', offset)
      case TokenType.RIGHT_BRACKET:
        return close('array', offset)
      case TokenType.COLON:
        if (next !== ':') throw unexpected(':', offset)
        next = 'value'
        return
      case TokenType.COMMA:
        if (next !== ', or the end') throw unexpected(',', offset)
        next = open.at(-1) === 'object' ? 'key' : 'value'
        return
      default:
        return scalar(value, offset)
    }
  }
  return {
    write: part => tokenizer.write(part),
    end() {
      if (!tokenizer.isEnded) tokenizer.end()
      if (next !== 'nothing') throw new JsonFault('it ends too early')
    }
  }
}
