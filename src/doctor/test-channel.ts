import { createChannelTools } from '../app/channel-tools.ts'
import { createSecretFiles } from '../app/secret-files.ts'
import { createSecrets, scrubbedCopy } from '../base/secrets.ts'
import type { Config } from '../config.ts'
import type { Delivered } from '../domain/message.ts'
import type { KubeAnswer } from '../domain/ports/kube.ts'
import { openChannels } from '../notify/channels.ts'
import { CHANNELS } from '../notify/registry.ts'
import { createHttpClient } from '../outgoing/http-client.ts'
import { systemClock, systemIds } from '../outgoing/system-clock.ts'
import { sendTest } from './channel-test.ts'
import { checkPolicies } from './local.ts'

/** The deadline of all that one test sends. */
const WITHIN_MS = 30_000

export type TestedChannel = (Delivered & { readonly type: string }) | { readonly kind: 'unknown'; readonly detail: string }

/** Sends one channel of the policy files a test message. No credential is told, whatever the other side answers. */
export async function testChannel(config: Config, name: string): Promise<TestedChannel> {
  const secrets = createSecrets()
  const { findings, set } = await checkPolicies(config.policies)
  if (set === undefined)
    return { kind: 'unknown', detail: `the policies cannot be used: ${findings.map(finding => finding.detail).join('; ')}` }
  const configured = set.channels[name]
  if (configured === undefined)
    return { kind: 'unknown', detail: `there is no channel "${name}"; there is: ${Object.keys(set.channels).join(', ') || 'none'}` }
  const http = createHttpClient(systemClock.now, secrets.scrub, config.proxy)
  try {
    const read = createSecretFiles(secrets).read
    const tools = createChannelTools({ http, kube: noKube, clock: systemClock, origin: config.origin }, read)
    const channel = openChannels(CHANNELS, { [name]: configured }, tools).get(name)
    if (channel === undefined) throw new Error(`channel ${name} was not opened`)
    const result = await sendTest(channel, name, systemIds.next(), AbortSignal.timeout(WITHIN_MS)).catch(
      (cause: unknown): Delivered => ({ kind: 'failed', detail: cause instanceof Error ? cause.message : String(cause) })
    )
    return scrubbedCopy({ ...result, type: configured.kind }, secrets.scrub)
  } finally {
    http.close()
  }
}

/** The channels that a policy file configures need no cluster. */
const away = async (): Promise<KubeAnswer> => ({ kind: 'unreachable', detail: 'no cluster is known' })
export const noKube = { get: away, post: away }
