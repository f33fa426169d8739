import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

/** How often the delay is looked at, milliseconds. What is measured is beyond this. */
const RESOLUTION_MS = 10
const NANOSECONDS = 1e9

/**
 * Measures for how long this process did nothing but one thing: an answer that is due then waits as long. Since the process began,
 * so that two Prometheus servers that scrape it see the same; `quantile="1"` is the longest.
 */
export function measureEventLoop(registry: Registry): void {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  new Gauge({
    name: 'astern_event_loop_delay_seconds',
    help: 'How long the process was busy with one thing, since it began; quantile 1 is the longest time.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      for (const quantile of [0.5, 0.99, 1])
        this.set({ quantile }, Math.max(0, delays.percentile(quantile * 100) / NANOSECONDS - RESOLUTION_MS / 1_000))
    }
  })
}
