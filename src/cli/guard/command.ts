import { type Command, Option } from 'commander'
import { GUARD_BASELINES, POD_ROADS } from '../../domain/deploy-guard.ts'
import { createApiClient } from '../client.ts'
import { CommandError, EXIT } from '../exit.ts'
import { clientOptions } from '../runs.ts'
import { several } from '../several.ts'
import { plain, type Terminal } from '../terminal.ts'
import type { GuardFlags } from './flags.ts'
import { watchRollout } from './watch.ts'

const HELP = `
Exit codes: 0 passed, or unchanged; 1 failed and rolled back; 5 failed and not rolled back; 3 inconclusive; 6 superseded by another version;
4 unreachable; 2 wrong usage; 130, 143 cancelled. --on-inconclusive and --on-unreachable turn 3 and 4 into 0 (pass) or 5 (fail).

A job that is cancelled ends this command, and not the guard: others may wait for it, and it may still roll back. --stop ends it for all.

Examples:
  kubectl apply -f api.yaml && astern guard deploy/api -n shop
  astern guard sts/shop/db --for 2m --timeout 20m --tolerate 'x1.5 + 0.1pp'
  astern guard deploy/api -n shop --image registry.example/api:1.4.2 --on-inconclusive pass --junit guard.xml
  astern guard deploy/api -n shop --baseline objective --objective 0.1% --on-fail report
  astern guard deploy/api -n shop --kubeconfig ~/.kube/config --prometheus http://prometheus:9090   # without a server
  astern guard deploy/api -n shop --kubeconfig ~/.kube/config --policies policies.yaml
  astern guard --stop 01K…`

/** Adds `astern guard`: waits for the verdict on a rollout, and ends as it. */
export function guardCommand(program: Command, terminal: Terminal): void {
  clientOptions(
    program
      .command('guard')
      .description('judge a rollout against the version that it replaces, and take it back where it is worse; for CI')
      .argument('[type/name]', 'what was deployed: deploy/api, sts/db, ds/agent, or type/namespace/name')
      .option('-n, --namespace <name>', 'its namespace (default: default)')
      .option('--for <duration>', 'no pass before this (default 5m)')
      .option('--timeout <duration>', 'inconclusive after this (default 10m)')
      .option('--warm-up <duration>', 'how long the latency of a fresh pod does not count')
      .addOption(new Option('--baseline <what>', 'what it is compared with (default: concurrent)').choices([...GUARD_BASELINES]))
      .option('--tolerate <margin>', 'how much worse it may be (default x1.2 + 0.05pp)')
      .option('--objective <share>', 'how many requests may be bad, such as 0.1%; without --baseline: that is what it is compared with')
      .option('--metric <name>', 'a metric that policies allow, by name; several times for several (default: what is found)', several)
      .option('--revision <number>', 'wait until the controller has seen this revision')
      .option('--image <image>', 'wait until the controller has seen a version with this image')
      .option('--commit <id>', 'the commit (default: the CI job’s own)')
      .option('--url <url>', 'where the pipeline can be looked at (default: the CI job’s own)')
      .option('--author <name>', 'who made the change (default: the CI job’s own)')
      .addOption(new Option('--on-fail <what>', 'what a failure leads to (default: rollback)').choices(['rollback', 'report']))
      .addOption(new Option('--on-inconclusive <what>', 'what exit 3 becomes: 0 or 5 (default: 3)').choices(['pass', 'fail']))
      .addOption(new Option('--on-unreachable <what>', 'what exit 4 becomes: 0 or 5 (default: 4)').choices(['pass', 'fail']))
      .option('--dry-run', 'decide everything, write nothing')
      .addOption(new Option('--pods <road>', 'how pods are read where Prometheus has no numbers (default: direct)').choices([...POD_ROADS]))
      .option('--summary <file>', 'write a page in Markdown')
      .option('--junit <file>', 'write a JUnit report')
      .option('--dotenv <file>', 'write variables for later jobs of GitLab CI')
      .option('--kubeconfig <file>', 'without a server: this cluster')
      .option('--context <name>', 'without a server: this context of the kubeconfig')
      .option('--prometheus <url>', 'without a server: numbers from here')
      .option('--policies <file>', 'without a server: source of numbers, guards and defaults from this policy file')
      .option('--stop <id>', 'stop a guard for all who wait for it')
  )
    .addHelpText('after', HELP)
    .action(async (target: string | undefined, flags: GuardFlags) => {
      const code = flags.stop === undefined ? await watchRollout(target, flags, terminal) : await stopGuard(flags, flags.stop, terminal)
      if (code !== EXIT.ok) throw new CommandError(code, '')
    })
}

async function stopGuard(flags: GuardFlags, id: string, terminal: Terminal): Promise<typeof EXIT.ok> {
  const { body } = await createApiClient(flags).call('DELETE', `/api/v1/guards/${encodeURIComponent(id)}`)
  terminal.line(flags.json === true ? JSON.stringify(body) : `guard ${plain(body['id'])} has ended: ${plain(body['result'])}`)
  return EXIT.ok
}
