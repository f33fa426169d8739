import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { obtainPart, PROMTOOL } from '../../src/sandbox/real-parts.ts'

const run = promisify(execFile)

/** Seconds between two samples, as a usual Prometheus scrapes. */
export const SCRAPE = 15

/** One series: its labels, and its value at each scrape, counted back from the newest one (0). Undefined is no sample. */
export interface Backfilled {
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: (scrapesAgo: number) => number | undefined
}

/**
 * Writes series into the folder of a Prometheus that is not running yet, with its own tool: so a test has an hour of samples at once.
 * @param newest when the newest sample was taken, seconds
 */
export async function backfill(folder: string, series: readonly Backfilled[], { newest, scrapes }: { newest: number; scrapes: number }) {
  const blocks = join(folder, 'tsdb')
  await mkdir(blocks, { recursive: true })
  const lines: string[] = []
  // All samples of a metric stand together, as OpenMetrics wants it.
  for (const [metric, own] of Map.groupBy(series, one => one.metric)) {
    lines.push(`# TYPE ${metric} unknown`)
    for (const { labels, value } of own) {
      const names = Object.entries(labels).map(([name, text]) => `${name}=${JSON.stringify(text)}`)
      for (let ago = scrapes - 1; ago >= 0; ago -= 1) {
        const sample = value(ago)
        if (sample !== undefined) lines.push(`${metric}{${names.join(',')}} ${sample} ${newest - ago * SCRAPE}`)
      }
    }
  }
  const file = join(folder, 'series.om')
  writeFileSync(file, `${lines.join('\n')}\n# EOF\n`)
  const [promtool, ...before] = await obtainPart(PROMTOOL, { variables: process.env })
  await run(promtool, [...before, 'tsdb', 'create-blocks-from', 'openmetrics', file, blocks])
}
