import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import type { DemoFlags } from './demo-play.ts'
import { APP, GOOD_IMAGE } from './demo-story.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Terminal } from './terminal.ts'

export function demoCommand(program: Command, terminal: Terminal): void {
  program
    .command('demo')
    .description('watch a real Alertmanager and a real Prometheus make Astern undo a bad rollout')
    .option('--guard', 'watch two rollouts under a deploy guard: a good one passes, a bad one is taken back')
    .option('--keep', 'leave everything running, with the addresses to look at, until Ctrl-C')
    .option('--kubeconfig <file>', 'play it on your own cluster, in a namespace of its own, instead of the sandbox')
    .option('--context <name>', 'context of that kubeconfig')
    .option('--yes', 'agree to the changes on your own cluster')
    .addHelpText(
      'after',
      '\nIts policy is fast (windows of seconds, provenFor: 0s), so that it can be watched; policies.yaml shows one for production.\nExit codes: 0 the story really happened, 1 it did not, 2 something is missing.'
    )
    .action(async (flags: DemoFlags) => {
      const namespace = flags.kubeconfig === undefined ? 'shop' : `astern-demo-${randomBytes(3).toString('hex')}`
      if (flags.kubeconfig !== undefined && flags.yes !== true) {
        throw new CommandError(
          EXIT.usage,
          `this makes the namespace ${namespace} in the cluster of ${flags.kubeconfig}, deploys ${APP} (3 pods of ${GOOD_IMAGE}) there, breaks it on purpose, and deletes the namespace in the end; say --yes to agree`
        )
      }
      const { play } = await import('./demo-play.ts')
      await play(flags, namespace, terminal)
    })
}
