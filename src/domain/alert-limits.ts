/**
 * What an alert may hold, and a delivery. Prometheus limits none of it by default, but nothing that people write comes near: Mimir
 * refuses label values above 2 KiB, and most alerts have some ten labels.
 */
export const ALERT_LIMITS = {
  /** More alerts than the largest groups that people have reported of Alertmanager, several times over. */
  'alerts-per-delivery': 100_000,
  labels: 128,
  'label-name-bytes': 1_024,
  'label-value-bytes': 4_096,
  /** All names and values together. */
  'label-set-bytes': 16_384,
  /** Names, texts and signs of one alert's JSON. The labels and annotations that are allowed need some 800. */
  'alert-parts': 10_000
} as const
export type AlertLimit = keyof typeof ALERT_LIMITS
export const ALERT_LIMIT_NAMES = Object.keys(ALERT_LIMITS).filter((name): name is AlertLimit => Object.hasOwn(ALERT_LIMITS, name))

/** An alert that is not taken, while the others of its delivery are. */
export interface RefusedAlert {
  readonly limit: AlertLimit
  /** Which one: its place in the delivery, and its name where it has one. */
  readonly which: string
}

/** The longest annotation, bytes: several screens of text. */
export const ANNOTATION_BYTES = 8_192
/** How many annotations an alert keeps. */
export const ANNOTATIONS = 64
/** All annotations together, names included, bytes. */
export const ANNOTATION_SET_BYTES = 65_536
/** The longest link, bytes. One that is cut leads nowhere, so a longer one is left out. */
export const LINK_BYTES = 8_192
/** Names the annotations that were left out. */
export const LEFT_OUT = 'astern_left_out'

/** The limit that a label set is over; undefined where it is over none. */
export function labelsOver(labels: Readonly<Record<string, string>>): AlertLimit | undefined {
  let count = 0
  let all = 0
  for (const name in labels) {
    if (!Object.hasOwn(labels, name)) continue
    count += 1
    if (count > ALERT_LIMITS.labels) return 'labels'
    const value = labels[name] ?? ''
    if (bytesAbove(name, ALERT_LIMITS['label-name-bytes'])) return 'label-name-bytes'
    if (bytesAbove(value, ALERT_LIMITS['label-value-bytes'])) return 'label-value-bytes'
    all += Buffer.byteLength(name) + Buffer.byteLength(value)
  }
  return all > ALERT_LIMITS['label-set-bytes'] ? 'label-set-bytes' : undefined
}

/** The link; empty where it is too long. */
export function linkWithin(link: string): string {
  return bytesAbove(link, LINK_BYTES) ? '' : link
}

/** The annotations within their limits. Labels are never cut: they are what the alert is. A cut annotation ends with how long it was, and `astern_left_out` names those that are gone. */
export function annotationsWithin(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const names = Object.keys(annotations)
  const kept: [string, string][] = []
  let all = 0
  for (const name of names) {
    const value = cut(annotations[name] ?? '')
    const size = Buffer.byteLength(name) + Buffer.byteLength(value)
    if (kept.length >= ANNOTATIONS || all + size > ANNOTATION_SET_BYTES) break
    all += size
    kept.push([name, value])
  }
  const left = names.length - kept.length
  if (left > 0) kept.push([LEFT_OUT, `${left} more ${left === 1 ? 'annotation was' : 'annotations were'} left out: too many, or too long`])
  return Object.fromEntries(kept)
}

function cut(text: string): string {
  if (!bytesAbove(text, ANNOTATION_BYTES)) return text
  const mark = ` … (cut: ${Buffer.byteLength(text).toLocaleString('en')} bytes)`
  // The cut may fall into a character; the decoder leaves out what is not whole.
  const kept = Buffer.from(text.slice(0, ANNOTATION_BYTES)).subarray(0, ANNOTATION_BYTES - Buffer.byteLength(mark))
  return new TextDecoder().decode(kept, { stream: true }) + mark
}

/** Whether a text has more bytes in UTF-8. A text of few characters is not measured: none has more than three bytes. */
function bytesAbove(text: string, limit: number): boolean {
  return text.length * 3 > limit && Buffer.byteLength(text) > limit
}
