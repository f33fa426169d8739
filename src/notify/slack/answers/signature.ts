import { createHmac, timingSafeEqual } from 'node:crypto'
import { MINUTE, SECOND } from '../../../base/clock.ts'

/** A callback is accepted for so long after Slack signed it, and, as clocks differ, for as long before, milliseconds. */
export const SIGNED_WITHIN_MS = 5 * MINUTE

/** A callback as it came in. The body is the very bytes: whatever parses them first would change what was signed. */
export interface SignedCallback {
  readonly timestamp: string | undefined
  readonly signature: string | undefined
  readonly body: Uint8Array
}

/** Says why a callback is not one that Slack signed a moment ago; undefined where it is. */
export function signatureFault(secret: string, { timestamp, signature, body }: SignedCallback, now: number): string | undefined {
  if (timestamp === undefined || signature === undefined) return 'it is not signed'
  if (!/^\d{1,12}$/.test(timestamp)) return 'its timestamp is no number of seconds'
  if (Math.abs(now - Number(timestamp) * SECOND) > SIGNED_WITHIN_MS) return 'it was signed more than five minutes ago, or will be'
  const expected = Buffer.from(`v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest('hex')}`)
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected) ? undefined : 'its signature is not ours'
}
