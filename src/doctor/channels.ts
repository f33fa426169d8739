import type { HeartbeatSettings } from '../domain/heartbeat.ts'
import type { Policy } from '../domain/policy.ts'
import type { ProbedChannel } from '../notify/channel-kind.ts'
import { type Probed, reachableInFile } from '../notify/probe.ts'
import type { HttpClient } from '../outgoing/http-client.ts'
import type { PolicySet } from '../policies/load.ts'
import { sendTest } from './channel-test.ts'
import { type Finding, fine, trouble } from './finding.ts'

/** The deadline of one channel, so that one that hangs leaves time for the others. */
const CHANNEL_WITHIN_MS = 15_000
const TODO = 'check the channel’s URL and credentials, and the way there: people could not be told'

/** Where people may be told: by policies, of blindness, or in place of another channel. */
export function channelsInUse(
  policies: readonly Policy[],
  { blind, channels }: Pick<PolicySet, 'blind' | 'channels'>
): ReadonlySet<string> {
  const used = new Set([...policies.flatMap(policy => policy.escalate.to), ...blind.to])
  // A set that grows while it is walked is walked to its end.
  for (const name of used) {
    const to = channels[name]?.fallback?.to
    if (to !== undefined) used.add(to)
  }
  return used
}

/**
 * Looks at each channel that is in use, as far as that goes without a message. With `send`, each gets one that says that nothing is wrong.
 */
export async function checkChannels(
  channels: ReadonlyMap<string, ProbedChannel>,
  used: ReadonlySet<string>,
  send: { readonly id: string } | undefined,
  signal: AbortSignal
): Promise<readonly Finding[]> {
  const findings = [...channels].map(async ([name, channel]): Promise<Finding> => {
    const check = `channel ${name}`
    if (!used.has(name)) return trouble(check, 'warning', 'no policy escalates to it, and no guard', `name it in escalate.to, or remove it`)
    const own = AbortSignal.any([signal, AbortSignal.timeout(CHANNEL_WITHIN_MS)])
    return send === undefined ? probed(check, await probe(channel.probe, own)) : sent(name, channel, send.id, own)
  })
  return Promise.all(findings)
}

/** There is somebody to tell, where there is something to tell. */
export function checkAnyChannel(channels: ReadonlyMap<string, ProbedChannel>, policies: readonly Policy[]): readonly Finding[] {
  if (channels.size > 0 || policies.length === 0) return []
  const todo = 'add one, and name it in escalate.to (docs/policies.md)'
  return [trouble('channels', 'warning', 'none: nobody is told when Astern cannot help', todo)]
}

/** Looks whether the service is there that waits for the heartbeat. No sign of life is sent: Astern may be down. */
export async function checkHeartbeat(
  heartbeat: HeartbeatSettings | undefined,
  tools: Pick<HttpClient, 'request'>,
  readFile: (path: string) => Promise<string>,
  signal: AbortSignal
): Promise<readonly Finding[]> {
  if (heartbeat === undefined) return []
  const result = await probe(own => reachableInFile({ http: tools, readFile }, heartbeat.urlFile, own), signal)
  return [
    result.kind === 'good'
      ? fine('heartbeat', 'its server answers; `astern status` tells whether it takes the heartbeat')
      : trouble(
          'heartbeat',
          result.kind,
          result.detail,
          'check heartbeat.urlFile, and the way there: whoever listens takes Astern for dead'
        )
  ]
}

async function probe(look: ProbedChannel['probe'], signal: AbortSignal): Promise<Probed> {
  // One that holds to no deadline must not hold up the others.
  const late = new Promise<Probed>(resolve => {
    signal.addEventListener('abort', () => resolve({ kind: 'unreachable', detail: 'it did not answer in time' }), { once: true })
  })
  const failed = (cause: unknown): Probed => ({ kind: 'bad', detail: cause instanceof Error ? cause.message : String(cause) })
  return Promise.race([look(signal).catch(failed), late])
}

function probed(check: string, { kind, detail }: Probed): Finding {
  return kind === 'good' ? fine(check, detail) : trouble(check, kind, detail, TODO)
}

async function sent(name: string, channel: ProbedChannel, id: string, signal: AbortSignal): Promise<Finding> {
  const check = `channel ${name}`
  const result = await sendTest(channel, name, id, signal)
  return result.kind === 'delivered'
    ? fine(check, 'took a test message: see whether it arrived')
    : trouble(check, result.kind === 'refused' ? 'bad' : 'unreachable', result.detail, TODO)
}
