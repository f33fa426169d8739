import { at } from '../../../src/base/json.ts'
import { RATIO_OF } from './story-policy.ts'
import { type World, waitUntil } from './world.ts'

/**
 * Waits until the real Prometheus has shown no errors of the target for longer than Astern looks back before a change (rules 2). What
 * is rolled out then is to blame for what it does.
 */
export async function untilHealthy({ prometheus, namespace, target }: World, seconds = 14): Promise<void> {
  const ratio = RATIO_OF(`namespace="${namespace}", deployment="${target.name}"`)
  const query = `max_over_time((${ratio})[${seconds}s:1s])`
  await waitUntil(
    async () => {
      const answer: unknown = await (await fetch(`${prometheus.url}/api/v1/query?${new URLSearchParams({ query })}`)).json()
      const value = at(answer, 'data', 'result', 0, 'value', 1)
      return typeof value === 'string' && Number(value) < 0.05
    },
    `${target.name} answers without errors for ${seconds} s`,
    60_000
  )
}
