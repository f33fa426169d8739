import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { DEPLOY_GUARD_RESULTS, type DeployGuardResult } from '../domain/deploy-guard.ts'
import { GUARD_LOOKS, type GuardMeter } from '../domain/ports/guard-meter.ts'

/** What deploy guards do, among Astern’s own metrics. @param underWay how many guards are not over, asked when somebody asks for the metrics */
export function meterGuards(registry: Registry, underWay: () => Promise<number>): GuardMeter {
  const registers = [registry]
  const looks = new Counter({
    name: 'astern_guard_looks_total',
    help: 'Looks of deploy guards: kept; failed, and made again; or lost to another process.',
    labelNames: ['result'],
    registers
  })
  const seconds = new Histogram({
    name: 'astern_guard_look_duration_seconds',
    help: 'How long a look of a deploy guard took: reading the cluster and the source, counting, and keeping it.',
    // A look is given up after 45 s.
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 45],
    registers
  })
  const ended = new Counter({
    name: 'astern_guards_ended_total',
    help: 'Deploy guards that ended, by result.',
    labelNames: ['result'],
    registers
  })
  new Gauge({
    name: 'astern_guards',
    help: 'Deploy guards that are not over.',
    registers,
    async collect() {
      this.set(await underWay())
    }
  })
  for (const result of GUARD_LOOKS) looks.inc({ result }, 0)
  for (const result of Object.keys(DEPLOY_GUARD_RESULTS)) ended.inc({ result }, 0)
  return {
    looked(result, took) {
      looks.inc({ result })
      seconds.observe(took)
    },
    ended: (result: DeployGuardResult) => ended.inc({ result })
  }
}
