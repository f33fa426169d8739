import { createSecretFiles } from '../app/secret-files.ts'
import { createSources } from '../app/sources.ts'
import { createSecrets, scrubbedCopy } from '../base/secrets.ts'
import { type QueryFinding, tryQueries } from '../doctor/queries.ts'
import { createHttpClient } from '../outgoing/http-client.ts'
import { systemClock } from '../outgoing/system-clock.ts'
import type { PolicySet } from '../policies/load.ts'

/** Enough for some hundred queries of a slow source. */
const ALL_WITHIN_MS = 120_000

/** Tries every query of the policies on the Prometheus at a URL, with the settings of `sources.prometheus` besides. */
export async function tryQueriesAt(
  url: string,
  set: PolicySet,
  labels: Readonly<Record<string, string>>
): Promise<readonly QueryFinding[]> {
  const secrets = createSecrets()
  const http = createHttpClient(systemClock.now, secrets.scrub)
  try {
    const readSecret = createSecretFiles(secrets).read
    const { prometheus } = createSources({ http, clock: systemClock, readSecret, prometheusUrl: url })(set)
    if (prometheus === undefined) throw new Error('a URL makes a source')
    return scrubbedCopy(await tryQueries(prometheus, set.policies, labels, AbortSignal.timeout(ALL_WITHIN_MS)), secrets.scrub)
  } finally {
    http.close()
  }
}
