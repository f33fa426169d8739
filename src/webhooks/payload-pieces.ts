import { setImmediate as breathe } from 'node:timers/promises'
import type { RefusedAlert } from '../domain/alert-limits.ts'
import type { Alert } from '../domain/incident.ts'
import { createAlertSorter } from './alert-sorter.ts'
import { type PayloadHead, type PayloadProblem, parseAlertmanagerPayload, parseHead } from './alertmanager-payload.ts'
import { JsonFault } from './json-shape.ts'
import { createPayloadReading, type PayloadReading } from './payload-reading.ts'

/** Some of a delivery's alerts, with the bytes that they came in. */
export interface PayloadPiece {
  readonly alerts: readonly Alert[]
  readonly refused: readonly RefusedAlert[]
  readonly raw: Uint8Array
}

export interface Payload {
  readonly head: PayloadHead
  /** The pieces, in order: at least one. All their bytes together are the body. */
  pieces(): AsyncIterable<PayloadPiece>
}

/** A body of up to this size is parsed at once, bytes: whatever its shape, what comes of it takes a few megabytes for a few milliseconds. */
const AT_ONCE_BYTES = 256 * 1024
/** So much is read of a larger body before others have their turn, bytes: some two milliseconds of work. */
const STRETCH_BYTES = 64 * 1024
/** A piece ends after this many alerts, or bytes: it is stored in one transaction. */
const PIECE_ALERTS = 1_000
const PIECE_BYTES = 512 * 1024

/** Reads a body. A large one is looked through first, and read again in pieces, so that the memory it takes does not grow with it. */
export async function readPayload(body: Uint8Array): Promise<Payload | PayloadProblem> {
  try {
    return body.length <= AT_ONCE_BYTES ? readAtOnce(body) : await readInPieces(body)
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError || cause instanceof JsonFault)) throw cause
    return { path: '', message: `is not JSON: ${cause.message}` }
  }
}

function readAtOnce(body: Uint8Array): Payload | PayloadProblem {
  const payload = parseAlertmanagerPayload(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)))
  if ('message' in payload) return payload
  const { alerts, ...head } = payload
  const sorter = createAlertSorter()
  for (const alert of alerts) sorter.take(alert)
  const piece = { ...sorter.empty(), raw: body }
  return {
    head,
    async *pieces() {
      yield piece
    }
  }
}

async function readInPieces(body: Uint8Array): Promise<Payload | PayloadProblem> {
  const reading = createPayloadReading()
  for await (const _ of stretches(body, reading)) reading.sorter.empty()
  const head = parseHead(reading.head())
  if ('message' in head) return head
  const problem = reading.problem()
  if (problem !== undefined) return problem
  return {
    head,
    async *pieces() {
      const again = createPayloadReading()
      let from = 0
      for await (const to of stretches(body, again)) {
        if (again.sorter.count() < PIECE_ALERTS && to - from < PIECE_BYTES && to < body.length) continue
        yield { ...again.sorter.empty(), raw: body.subarray(from, to) }
        from = to
      }
    }
  }
}

/** Reads a body stretch by stretch, and tells after each how far it came. */
async function* stretches(body: Uint8Array, { reader }: PayloadReading): AsyncGenerator<number> {
  for (let from = 0; from < body.length; from += STRETCH_BYTES) {
    const to = Math.min(body.length, from + STRETCH_BYTES)
    reader.write(body.subarray(from, to))
    if (to === body.length) reader.end()
    yield to
    await breathe()
  }
}
