import type { Narrator } from './demo-narrator.ts'
import { type Stage, until } from './demo-stage.ts'
import { APP, BAD_IMAGE, GOOD_IMAGE, NEXT_IMAGE, runningImage, setImage, stretch } from './demo-story.ts'
import { CommandError, EXIT, type ExitCode } from './exit.ts'
import { watchRollout } from './guard/watch.ts'
import type { Terminal } from './terminal.ts'

/** How long a rollout may take to be over once its guard is, milliseconds. */
const ROLLED_OUT_WITHIN_MS = 120_000

interface Told {
  readonly terminal: Terminal
  readonly narrator: Narrator
  readonly namespace: string
}

/** Rolls out a good version and a bad one, each under a guard, as two CI jobs would. @throws CommandError where a verdict is another */
export async function playGuard(stage: Stage, told: Told): Promise<void> {
  const { narrator, namespace } = told
  await stretch(stage.client, namespace)
  await job(stage, told, { image: NEXT_IMAGE, means: 'it answers all requests', expected: EXIT.ok })
  await running(stage, told, NEXT_IMAGE)
  await job(stage, told, { image: BAD_IMAGE, means: 'it answers 35 % of its requests with 500', expected: EXIT.bad })
  await running(stage, told, NEXT_IMAGE)
  narrator.check(true, `the good version passed, the bad one was taken back, and ${APP} runs ${NEXT_IMAGE}`)
}

async function job(
  { client, app, operator }: Stage,
  { terminal, narrator, namespace }: Told,
  { image, means, expected }: { readonly image: string; readonly means: string; readonly expected: ExitCode }
): Promise<void> {
  await setImage(client, namespace, image)
  narrator.did('deployed', `${APP} ${image}: ${means}`)
  narrator.line()
  terminal.line(terminal.dim(`$ astern guard deploy/${APP} -n ${namespace} --image ${image} --for 20s --timeout 4m`))
  const flags = { namespace, image, for: '20s', timeout: '4m', server: app.address, tokenFile: operator.file }
  const code = await watchRollout(`deploy/${APP}`, flags, terminal)
  terminal.line(terminal.dim(`$ echo $?\n${code}`))
  narrator.line()
  if (code !== expected) throw new CommandError(EXIT.bad, `the job ended with ${code}, and ${expected} was due`)
}

async function running({ client }: Stage, { namespace }: Told, image: string): Promise<void> {
  await until(
    async () => (await runningImage(client, namespace)) === image,
    ROLLED_OUT_WITHIN_MS,
    `${APP} does not run ${image} (${GOOD_IMAGE} was first)`
  )
}
