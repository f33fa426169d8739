import { randomUUID } from 'node:crypto'
import { closeSync, createWriteStream, mkdtempSync, openSync, readFileSync, rmSync, type WriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MINUTE, SECOND } from '../../base/clock.ts'
import { sha256 } from '../../base/hashes.ts'
import { instantAt, isObject, numberAt, textAt } from '../../base/json.ts'
import type { Helm, HelmAnswer, HelmPlace, HelmProblem, HelmRevision } from './helm-port.ts'

export interface HelmOptions {
  /** A name on `PATH`, or a path. */
  readonly program: string
  readonly kubeconfig?: string
  readonly context?: string
  /** What helm is given of the environment: what credential plugins of a kubeconfig need, the API server of a pod. */
  readonly environment: Readonly<Record<string, string>>
}

/** Reads take a fraction of a second; a helm that hangs must not hold up a decision. */
const READ_WITHIN_MS = 30 * SECOND
/** Stopped politely helm gives up its waits; only then it is killed. */
const KILL_AFTER_MS = 10 * SECOND
/** More revisions than a release keeps unless somebody set the limit very high; the newest are told. */
const HISTORY = 256

/**
 * Runs the real helm: argument arrays, no shell, a process group of its own, a home of its own. What it prints is read and
 * classified; values and manifests go nowhere.
 */
export function createHelm(options: HelmOptions): Helm {
  let made: string | undefined
  // Its caches must be writable, also where the file system of the pod is not.
  const home = (): string => {
    made ??= mkdtempSync(join(tmpdir(), 'astern-helm-'))
    return made
  }
  const environment = (): Readonly<Record<string, string>> => ({
    HOME: home(),
    ...options.environment,
    ...(options.kubeconfig === undefined ? {} : { KUBECONFIG: options.kubeconfig }),
    HELM_CACHE_HOME: home(),
    HELM_CONFIG_HOME: home(),
    HELM_DATA_HOME: home(),
    HELM_PLUGINS: join(home(), 'plugins')
  })

  /**
   * A helm that writes goes on when only Astern dies. It must not die of a pipe that nobody reads any more: what it says goes
   * to a file.
   */
  async function runOn(args: readonly string[], withinMs: number): Promise<HelmAnswer<string>> {
    const path = join(home(), `${randomUUID()}.txt`)
    const file = openSync(path, 'wx', 0o600)
    try {
      return await run(args, withinMs, {
        // With a descriptor of its own the stream is handed to the child as it is: nothing is pumped through this process.
        output: createWriteStream(path, { fd: file, autoClose: false }),
        words: () => readFileSync(path, 'utf8')
      })
    } finally {
      closeSync(file)
      rmSync(path, { force: true })
    }
  }

  async function run(
    args: readonly string[],
    withinMs: number,
    to?: { readonly output: WriteStream; readonly words: () => string }
  ): Promise<HelmAnswer<string>> {
    // Loaded only here: most Asterns never run helm, and start sooner without.
    const { execa } = await import('execa')
    const context = options.context === undefined ? [] : ['--kube-context', options.context]
    const result = await execa(options.program, [...args, ...context], {
      env: environment(),
      extendEnv: false,
      stdin: 'ignore',
      stdout: to?.output ?? 'pipe',
      stderr: to?.output ?? 'pipe',
      reject: false,
      // A group of its own: a signal to Astern does not reach a helm that is half-way through a release.
      detached: true,
      cleanup: false,
      timeout: withinMs,
      killSignal: 'SIGTERM',
      forceKillAfterDelay: KILL_AFTER_MS,
      maxBuffer: 64 * 1024 * 1024
    })
    if (result.exitCode === 0) return { kind: 'done', value: String(result.stdout ?? '') }
    if (result.exitCode === undefined && result.code === 'ENOENT')
      return {
        kind: 'failed',
        problem: 'not-installed',
        detail: `there is no ${options.program}: install helm, or say where it is with --helm`
      }
    if (result.timedOut)
      return { kind: 'failed', problem: 'stopped', detail: `helm did not end within ${withinMs / SECOND} s and was stopped` }
    return { kind: 'failed', ...classify(to === undefined ? String(result.stderr ?? '') : to.words()) }
  }

  return {
    async major() {
      const answer = await run(['version', '--template', '{{.Version}}'], READ_WITHIN_MS)
      if (answer.kind === 'failed') return answer
      const found = /^v?(\d+)\./.exec(answer.value.trim())
      return found === null
        ? { kind: 'failed', problem: 'other', detail: 'helm does not tell its version' }
        : { kind: 'done', value: Number(found[1]) }
    },

    async history(place) {
      const answer = await run(['history', place.release, ...within(place), '--max', String(HISTORY), '-o', 'json'], READ_WITHIN_MS)
      if (answer.kind === 'failed') return answer
      const revisions = parseHistory(answer.value)
      return revisions === undefined
        ? { kind: 'failed', problem: 'other', detail: 'helm history answered something that cannot be read' }
        : { kind: 'done', value: revisions }
    },

    async manifestDigest(place, revision) {
      const answer = await run(['get', 'manifest', place.release, '--revision', String(revision), ...within(place)], READ_WITHIN_MS)
      return answer.kind === 'failed' ? answer : { kind: 'done', value: sha256(answer.value) }
    },

    async rollback(args, timeoutMs) {
      // helm's own limit is for each wait, not for the whole: a minute more, and then it hangs.
      const answer = await runOn(args, timeoutMs + MINUTE)
      return answer.kind === 'failed' ? answer : { kind: 'done', value: undefined }
    }
  }
}

function within({ namespace }: HelmPlace): readonly string[] {
  return ['--namespace', namespace]
}

/** `helm history -o json`; undefined for anything else. Oldest first. */
export function parseHistory(text: string): readonly HelmRevision[] | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(parsed)) return undefined
  const revisions: HelmRevision[] = []
  for (const entry of parsed) {
    const revision = numberAt(entry, 'revision')
    const updatedAt = instantAt(entry, 'updated')
    const status = textAt(entry, 'status')
    if (!isObject(entry) || revision === undefined || updatedAt === undefined || status === undefined) return undefined
    revisions.push({
      revision,
      updatedAt,
      status,
      chart: textAt(entry, 'chart') ?? '',
      appVersion: textAt(entry, 'app_version') ?? '',
      description: textAt(entry, 'description') ?? ''
    })
  }
  return revisions.sort((a, b) => a.revision - b.revision)
}

/** Every error of helm has exit code 1: only its text tells them apart (facts C.4). The first that is found counts. */
const TEXTS: readonly (readonly [RegExp, HelmProblem])[] = [
  [/forbidden/i, 'forbidden'],
  [/Kubernetes cluster unreachable|connection refused|no such host|i\/o timeout/i, 'unreachable'],
  [/release: not found/i, 'release-not-found'],
  [/release has no \d+ version|revision .* not found/i, 'revision-gone'],
  [/another operation .* is in progress/i, 'busy'],
  [/already exists/i, 'lost-race'],
  [/has no deployed releases/i, 'no-deployed-release'],
  [/unable to build kubernetes objects/i, 'unbuildable'],
  [/timed out waiting|context deadline exceeded|not ready/i, 'not-ready-in-time']
]

/** What is told of an error: its kind, and its own words without anything that could be a value of the release. */
export function classify(stderr: string): { readonly problem: HelmProblem; readonly detail: string } {
  const problem = TEXTS.find(([pattern]) => pattern.test(stderr))?.[1] ?? 'other'
  const line = stderr.split('\n').find(text => text.startsWith('Error:')) ?? 'helm gave no reason'
  // Messages of the API quote what they reject, and that may be a value of the release. Of rights they quote names only.
  const shown =
    problem === 'forbidden' ? line : line.replace(/Invalid value: .*$/, 'Invalid value: …').replaceAll(/"[^"]*"|'[^']*'|`[^`]*`/g, '"…"')
  return { problem, detail: `helm: ${shown.slice(0, 300)}` }
}
