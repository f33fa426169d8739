import type { Command } from 'commander'
import { createSecrets } from '../base/secrets.ts'
import { readConfig, type ServeFlags } from '../config.ts'
import { EXIT } from './exit.ts'
import { several } from './several.ts'
import type { Terminal } from './terminal.ts'

export function serveCommand(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('receive alerts, decide, act')
    .option('--policies <file>', 'policy file or folder (ASTERN_POLICIES; default policies.yaml)')
    .option('--listen <host:port>', 'address (ASTERN_LISTEN; default 127.0.0.1:8080; port 0 picks a free one)')
    .option('--mode <mode>', 'ceiling: off, dry-run, auto (ASTERN_MODE; default dry-run)')
    .option('--data-dir <dir>', 'folder of the SQLite ledger (ASTERN_DATA_DIR; default data)')
    .option('--kubeconfig <file>', 'kubeconfig (KUBECONFIG; default: in-cluster, else kubectl’s)')
    .option('--context <name>', 'context of the kubeconfig (ASTERN_CONTEXT)')
    .option('--tokens <file>', 'who may call (ASTERN_TOKENS_FILE); without it: loopback only, dry-run at most')
    .option('--tls-cert <file>', 'certificate (ASTERN_TLS_CERT_FILE)')
    .option('--tls-key <file>', 'its key (ASTERN_TLS_KEY_FILE)')
    .option('--log-level <level>', 'debug, info, warn, error, silent (ASTERN_LOG_LEVEL; default info)')
    .option('--keep <duration>', 'keep incidents, runs and the audit log (ASTERN_KEEP; default 400d)')
    .option('--helm <program>', 'the helm program, for helm-rollback (ASTERN_HELM; default helm)')
    .option(
      '--argocd-namespace <name>',
      'where Argo CD’s Applications are, besides the namespaces of policies (ASTERN_ARGOCD_NAMESPACE; default: nowhere else)'
    )
    .option(
      '--flux-namespaces <names>',
      'where Flux’ objects are, besides the namespaces of policies, with commas (ASTERN_FLUX_NAMESPACES; default: nowhere else)'
    )
    .option(
      '--field-ownership <what>',
      'give-up: after a write, so that the next server-side apply finds no conflict; keep (ASTERN_FIELD_OWNERSHIP; default give-up)'
    )
    .option('--pod-cidr <cidr>', 'where pods live; several times for several (ASTERN_POD_CIDRS); calls to pods go nowhere else', several)
    .option(
      '--own-host <name>',
      'a name that leads to Astern itself, which no action may call; several times for several (ASTERN_OWN_HOSTS)',
      several
    )
    .option(
      '--allow-host <host>',
      'a name under which callers without tokens may reach Astern, as HOST[:PORT]; several times for several (ASTERN_ALLOW_HOSTS)',
      several
    )
    .option('--external-url <url>', 'where people reach Astern, for the links in messages (ASTERN_EXTERNAL_URL)')
    .option('--cluster-name <name>', 'what messages call this cluster (ASTERN_CLUSTER_NAME)')
    .option('--stop-within <duration>', 'how long what is under way may take at the end (ASTERN_STOP_WITHIN; default 20s)')
    .option('--keep-deliveries <duration>', 'keep raw deliveries (ASTERN_KEEP_DELIVERIES; default 7d)')
    .addHelpText(
      'after',
      '\nExamples:\n  astern serve                                    # dry-run on loopback, ./policies.yaml\n  astern serve --mode auto --tokens tokens.yaml --listen 0.0.0.0:8080'
    )
    .action(async (flags: ServeFlags) => {
      // The service is loaded only here, because other commands need no Kubernetes client, no database and no server.
      const { startApp, startError } = await import('./start.ts')
      const secrets = createSecrets()
      try {
        const config = readConfig(flags)
        const app = await startApp(config, { secrets })
        process.on('SIGHUP', () => void app.reload())
        await new Promise<void>(resolve => {
          for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
        })
        setTimeout(() => process.exit(EXIT.bad), config.stopWithinMs).unref()
        await app.stop()
      } catch (cause) {
        throw startError(cause, terminal, secrets.scrub)
      }
    })
}
