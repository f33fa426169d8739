import type { Labels, Series } from '../sequential/counting/scrape.ts'
import { tellsTarget } from '../sequential/counting/source.ts'
import { canonicalBoundary } from '../series/bucket-spellings.ts'
import { nameIn, readSample, type SampleLine } from './exposition-line.ts'

/** What a page of metrics says of the metrics that are wanted. */
export type Exposition =
  | { readonly kind: 'read'; readonly series: readonly Series[] }
  | { readonly kind: 'unusable'; readonly because: 'rejected' | 'too-much'; readonly detail: string }

export interface ExpositionReader {
  /** Takes a piece of the page. False: whatever follows changes nothing any more. */
  take(chunk: Uint8Array): boolean
  /** @param contentType as the answer's header has it */
  end(contentType: string): Exposition
}

export interface Reading {
  /** By the metric's name, as the sample has it. */
  readonly wanted: (name: string) => boolean
  /** Labels that are known from earlier pages of the same pod, by their text: they are kept once, however often they are read. */
  readonly known: Map<string, Labels>
}

/** Wanted series of one pod. A page with more labels its requests by something that has no end, such as users. */
export const MOST_SERIES = 20_000
/** Bytes. A line with the longest labels that people use has some 2,000. */
const LONGEST_LINE = 64 * 1024
/** As many lines, all of them broken, and it is something else than metrics. */
const TRIED_LINES = 5

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a page of metrics piece by piece: Prometheus' text 0.0.4, or OpenMetrics 1.0. Only wanted series are kept. A broken line of
 * another metric is passed over; one of a wanted metric makes the page unusable, because a series that is missing would count as none.
 */
export function createExpositionReader({ wanted, known }: Reading): ExpositionReader {
  const series: Series[] = []
  let rest = ''
  let number = 0
  let problem: Exclude<Exposition, { readonly kind: 'read' }> | undefined
  let tried = 0
  let isMetrics = false
  let hasEnded = false

  const give = (because: 'rejected' | 'too-much', detail: string): void => {
    problem ??= { kind: 'unusable', because, detail }
  }

  const takeLine = (written: string): void => {
    number += 1
    const line = written.endsWith('\r') ? written.slice(0, -1) : written
    if (line === '' || line[0] === '#') {
      if (line === '# EOF') hasEnded = true
      return
    }
    if (line.trim() === '') return
    if (hasEnded) {
      give('rejected', `line ${number} stands behind the end (# EOF)`)
      return
    }
    const isWanted = wanted(nameIn(line))
    if (!isWanted && (isMetrics || tried >= TRIED_LINES)) return
    const read = readSample(line)
    tried += 1
    if (read.kind === 'sample') isMetrics = true
    if (!isWanted) return
    if (read.kind === 'broken') give('rejected', `line ${number}: ${read.why}`)
    else if (series.length === MOST_SERIES) give('too-much', `more than ${MOST_SERIES} series of what is counted`)
    else series.push({ labels: labelsOf(read), value: read.value })
  }

  const labelsOf = ({ series: text, labels }: Extract<SampleLine, { readonly kind: 'sample' }>): Labels => {
    const found = known.get(text)
    if (found !== undefined) return found
    if (known.size >= MOST_SERIES) known.clear()
    const decoded = Object.fromEntries(Object.entries(labels).map(([name, value]) => ownLabel(name, utf8(value))))
    known.set(text, decoded)
    return decoded
  }

  return {
    take(chunk) {
      const lines = (rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (problem !== undefined) return false
        if (line.length > LONGEST_LINE) give('too-much', `line ${number + 1} has more than ${LONGEST_LINE} bytes`)
        else takeLine(line)
      }
      if (rest.length > LONGEST_LINE) give('too-much', `line ${number + 1} has more than ${LONGEST_LINE} bytes`)
      return problem === undefined
    },

    end(contentType) {
      const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
      if (!TYPES.has(type)) return { kind: 'unusable', because: 'rejected', detail: `it answers ${type}, and no metrics` }
      if (rest !== '' && problem === undefined) takeLine(rest)
      rest = ''
      if (problem !== undefined) return problem
      if (tried > 0 && !isMetrics) return { kind: 'unusable', because: 'rejected', detail: 'what it answers is no metrics' }
      if (type === OPEN_METRICS && !hasEnded) return { kind: 'unusable', because: 'rejected', detail: 'its answer is cut off: no # EOF' }
      return { kind: 'read', series }
    }
  }
}

const OPEN_METRICS = 'application/openmetrics-text'

/** Old exporters name no type. */
const TYPES: ReadonlySet<string> = new Set(['', 'text/plain', OPEN_METRICS])

/** What is asked for. Names of other characters are not: then those clients write them as everything here knows them. */
export const ACCEPT = `${OPEN_METRICS};version=1.0.0,text/plain;version=0.0.4;q=0.5,text/plain;q=0.3`

/**
 * Lines are cut as bytes, so that only those that are wanted are decoded. What is no UTF-8 stays as it is: whoever sends a request with
 * such a path would otherwise shut the pod out, and no number depends on it.
 */
function utf8(bytes: string): string {
  if (/^[ -~]*$/.test(bytes)) return bytes
  try {
    return UTF8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return bytes
  }
}

/**
 * What a pod itself calls `host` or `service` is no label of a scraper's target. Prometheus renames it so, too; and an `endpoint` that is
 * a path tells requests apart.
 */
function ownLabel(name: string, value: string): readonly [string, string] {
  if (name === 'le') return [name, canonicalBoundary(value) ?? value]
  if (!tellsTarget(name)) return [name, value]
  return [name === 'endpoint' && value.startsWith('/') ? 'path' : `exported_${name}`, value]
}
