import { at } from '../../../src/base/json.ts'
import { RATIO_OF } from './story-policy.ts'
import { type World, waitUntil } from './world.ts'

/**
 * Waits until the real Prometheus has shown no errors of the target for longer than Astern looks back before a change (rules 2). What
 * is rolled out then is to blame for what it does.
 */
export const untilHealthy = (world: World, seconds = 14): Promise<void> => untilHealthySince(world, 0, seconds)

/** The same for a version that came at `at`, epoch milliseconds. */
export const untilHealthySince = (world: World, at: number, seconds = 14): Promise<void> =>
  untilRatio(
    world,
    ratio => `max_over_time((${ratio})[${seconds}s:1s]) < 0.05 and on() vector(time()) > ${at / 1_000 + seconds}`,
    `it answers without errors for ${seconds} s`
  )

/** Waits until it has shown errors for a few seconds. */
export const untilSick = (world: World, seconds = 4): Promise<void> =>
  untilRatio(world, ratio => `min_over_time((${ratio})[${seconds}s:1s]) > 0.05`, `it answers with errors for ${seconds} s`)

/**
 * Waits until it has shown so many serving pods for a while. Pods that are ready in the cluster are scraped a little later, and to Astern
 * they were missing before whatever is changed meanwhile.
 */
export const untilServing = (world: World, pods: number, seconds = 14): Promise<void> => {
  const points = `count(http_requests_total{${selectorOf(world)}, status="200"})[${seconds}s:1s]`
  const query = `min_over_time(${points}) >= ${pods} and on() count_over_time(${points}) >= ${seconds}`
  return untilSo(world, query, `${pods} pods serve for ${seconds} s`)
}

function untilRatio(world: World, condition: (ratio: string) => string, what: string): Promise<void> {
  return untilSo(world, condition(RATIO_OF(selectorOf(world))), what)
}

function selectorOf({ namespace, target }: World): string {
  return `namespace="${namespace}", deployment="${target.name}"`
}

/** Waits until the query has a result. */
async function untilSo({ prometheus, target }: World, query: string, what: string): Promise<void> {
  await waitUntil(async () => {
    const answer: unknown = await (await fetch(`${prometheus.url}/api/v1/query?${new URLSearchParams({ query })}`)).json()
    return at(answer, 'data', 'result', 0, 'value', 1) !== undefined
  }, `${target.name}: ${what}`)
}
