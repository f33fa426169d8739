import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Verifier } from '../../src/domain/ports/verifier.ts'
import { withBreaker } from '../../src/outgoing/breaker.ts'
import { createClockOffset } from '../../src/outgoing/clock-offset.ts'
import { createHttpClient } from '../../src/outgoing/http-client.ts'
import { freePort, type RunningProcess, startProcess, untilReady } from '../../src/sandbox/processes.ts'
import { obtainPart, type PartCommand, PROMTOOL } from '../../src/sandbox/real-parts.ts'
import { createPrometheus } from '../../src/verification/prometheus.ts'
import type { NumberSource } from '../../src/verification/sequential/counting/number-source.ts'
import { prometheusNumbers } from '../../src/verification/series/prometheus-numbers.ts'
import { type ProxyNumbers, proxyNumbers } from '../../src/verification/series/proxy-numbers.ts'
import { HANG_MS } from './hang.ts'
import type { StoredSeries } from './series-prometheus.ts'

const run = promisify(execFile)

export interface GuardPrometheus {
  readonly url: string
  readonly process: RunningProcess
  /** A source of its own for each guard. */
  source(): NumberSource
  /** What proxies count. */
  proxies(): ProxyNumbers
  /** Asks as a policy's verify does. */
  readonly verifier: Verifier
  stop(): Promise<void>
}

export interface GuardPrometheusOptions {
  readonly program: PartCommand
  readonly folder: string
  /** What it has scraped already: written into its database before it starts. */
  readonly backfilled?: readonly StoredSeries[]
  readonly scrapeConfigs?: readonly unknown[]
  readonly flags?: readonly string[]
}

/** A real Prometheus with a database of its own, and the guard's source that reads it. */
export async function startGuardPrometheus(options: GuardPrometheusOptions): Promise<GuardPrometheus> {
  const { program, folder, backfilled = [], scrapeConfigs = [], flags = [] } = options
  const [config, tsdb] = [join(folder, 'prometheus.yml'), join(folder, 'tsdb')]
  mkdirSync(tsdb, { recursive: true })
  writeFileSync(config, JSON.stringify({ global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: scrapeConfigs }))
  if (backfilled.length > 0) {
    const text = join(folder, 'series.txt')
    writeFileSync(text, openMetrics(backfilled))
    const [file, ...before] = await obtainPart(PROMTOOL, { variables: process.env })
    await run(file, [...before, 'tsdb', 'create-blocks-from', 'openmetrics', text, tsdb])
  }
  const url = `http://127.0.0.1:${await freePort()}`
  const running = startProcess(program, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${tsdb}`,
    `--web.listen-address=${url.replace('http://', '')}`,
    '--log.level=warn',
    ...flags
  ])
  await untilReady(`${url}/-/ready`, running, 'Prometheus', HANG_MS)
  const http = createHttpClient()
  const asking = () => {
    const offset = createClockOffset(Date.now)
    const client = withBreaker(http, { name: 'prometheus' })
    return { ...createPrometheus({ url, client, offset, now: Date.now, timeoutMs: 5_000 }), now: Date.now }
  }
  return {
    url,
    process: running,
    source: () => prometheusNumbers(asking()),
    proxies: () => proxyNumbers(asking()),
    verifier: asking(),
    async stop() {
      http.close()
      await running.stop()
    }
  }
}

function openMetrics(series: readonly StoredSeries[]): string {
  const lines = series.flatMap(({ labels, samples }) => {
    const { __name__: name = '', ...rest } = labels
    const pairs = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    return samples.map(([at, value]) => `${name}{${pairs.join(',')}} ${String(value)} ${(at / 1_000).toFixed(3)}`)
  })
  return `${lines.join('\n')}\n# EOF\n`
}
