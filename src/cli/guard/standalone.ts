import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { at } from '../../base/json.ts'
import { createSecrets } from '../../base/secrets.ts'
import { readConfig } from '../../config.ts'
import { CommandError, EXIT } from '../exit.ts'
import type { Terminal } from '../terminal.ts'
import type { GuardFlags } from './flags.ts'
import { openJobChannel } from './job-channel.ts'
import { ownPolicies } from './own-policies.ts'
import { ciText } from './plain-text.ts'
import { standalonePolicies } from './standalone-policies.ts'

/** An Astern of this process alone: on loopback, with a token that nobody else knows, and a ledger that ends with it. */
export interface Standalone {
  readonly server: string
  readonly token: string
  /** Writes nothing any more, observes what is under way, and takes everything down. */
  stop(): Promise<void>
}

/** Starts it. @throws what the start of `astern serve` throws, as a CommandError */
export async function startStandalone(
  flags: Pick<GuardFlags, 'kubeconfig' | 'context' | 'prometheus' | 'policies' | 'dryRun' | 'onFail'>,
  namespace: string,
  { terminal, tell }: { readonly terminal: Terminal; readonly tell: (text: string) => void }
): Promise<Standalone> {
  const own = flags.policies === undefined ? undefined : await ownPolicies(flags.policies, terminal)
  if (flags.prometheus !== undefined && own !== undefined && at(own, 'sources', 'prometheus') !== undefined)
    throw new CommandError(EXIT.usage, `--prometheus names a source, and so does ${flags.policies}: choose`)
  // The service is loaded only here: a client of a server needs no Kubernetes client and no database.
  const { startApp, startError } = await import('../start.ts')
  const folder = mkdtempSync(join(tmpdir(), 'astern-guard-'))
  const token = randomBytes(32).toString('base64url')
  const secrets = createSecrets()
  secrets.know(token)
  const channel = await openJobChannel(text => tell(ciText(text)))
  const mode = flags.dryRun === true || flags.onFail === 'report' ? 'dry-run' : 'auto'
  try {
    const policies = join(folder, 'policies.yaml')
    const tokens = join(folder, 'tokens.yaml')
    const sha256 = createHash('sha256').update(token).digest('hex')
    const scope = { namespace, mode, prometheus: flags.prometheus, told: channel.url, ...(own === undefined ? {} : { own }) } as const
    writeFileSync(policies, standalonePolicies(scope))
    writeFileSync(tokens, JSON.stringify({ tokens: [{ name: 'astern-guard', role: 'operator', sha256 }] }), { mode: 0o600 })
    const config = readConfig({
      policies,
      tokens,
      listen: '127.0.0.1:0',
      dataDir: join(folder, 'data'),
      mode,
      logLevel: 'error',
      ...(flags.kubeconfig === undefined ? {} : { kubeconfig: flags.kubeconfig }),
      ...(flags.context === undefined ? {} : { context: flags.context })
    })
    const output = { write: (text: string) => terminal.error(ciText(text)) }
    const app = await startApp(config, { secrets, output })
    return {
      server: app.address,
      token,
      async stop() {
        await app.stop()
        channel.close()
        rmSync(folder, { recursive: true, force: true })
      }
    }
  } catch (cause) {
    channel.close()
    rmSync(folder, { recursive: true, force: true })
    throw startError(cause, terminal, secrets.scrub)
  }
}
