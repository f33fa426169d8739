import { closeSync, createWriteStream, mkdtempSync, openSync, readFileSync, rmSync, type WriteStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MINUTE, SECOND } from '../../base/clock.ts'
import { sha256 } from '../../base/hashes.ts'
import { instantAt, isObject, listAt, numberAt, textAt } from '../../base/json.ts'
import { nothingSecret, type Scrub } from '../../base/secrets.ts'
import { isUnreadable, manifestObjects } from '../../templates/manifest.ts'
import { withFlags } from './arguments.ts'
import type { Helm, HelmAnswer, HelmPlace, HelmRevision, HookRun } from './helm-port.ts'
import { classify } from './said.ts'

export interface HelmOptions {
  /** A name on `PATH`, or a path. */
  readonly program: string
  readonly kubeconfig?: string
  readonly context?: string
  /** The environment variables that helm gets: those that credential plugins need, and those with a pod's API server. */
  readonly environment: Readonly<Record<string, string>>
  /** Takes known credentials out of what helm says. */
  readonly scrub?: Scrub
}

/** The deadline of a read. Reads take a fraction of a second, and a helm that hangs must not hold up a decision. */
const READ_WITHIN_MS = 30 * SECOND
/** How long helm has to stop after a polite signal, which ends its waits. After that it is killed. */
const KILL_AFTER_MS = 10 * SECOND
/** How many revisions are asked for, newest first. It is more than a release keeps, unless somebody set the limit very high. */
const HISTORY = 256

/**
 * Runs the real helm, with argument arrays and without a shell, in a process group and with a home of its own, which is gone when
 * helm has ended. Its output is read and classified. Values and manifests are neither kept nor logged.
 */
export function createHelm(options: HelmOptions): Helm {
  const scrub = options.scrub ?? nothingSecret
  const environment = (home: string): Readonly<Record<string, string>> => ({
    HOME: home,
    ...options.environment,
    ...(options.kubeconfig === undefined ? {} : { KUBECONFIG: options.kubeconfig }),
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
    HELM_PLUGINS: join(home, 'plugins')
  })

  /** Helm needs writable caches, also where the pod's file system is read-only. What it caches may be of a release. */
  async function atHome<T>(run: (home: string) => Promise<T>): Promise<T> {
    const home = mkdtempSync(join(tmpdir(), 'astern-helm-'))
    try {
      return await run(home)
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  }

  /**
   * Runs a helm that writes. It goes on when only Astern dies, and it must not die of a pipe that nobody reads any more. So its
   * output goes to a file.
   */
  function runOn(args: readonly string[], withinMs: number): Promise<HelmAnswer<string>> {
    return atHome(async home => {
      const path = join(home, 'output.txt')
      const file = openSync(path, 'wx', 0o600)
      try {
        return await runAt(home, args, withinMs, {
          // A stream with a descriptor goes to the child as it is, so nothing passes through this process.
          output: createWriteStream(path, { fd: file, autoClose: false }),
          words: () => readFileSync(path, 'utf8')
        })
      } finally {
        closeSync(file)
      }
    })
  }

  function run(args: readonly string[], withinMs: number): Promise<HelmAnswer<string>> {
    return atHome(home => runAt(home, args, withinMs))
  }

  async function runAt(
    home: string,
    args: readonly string[],
    withinMs: number,
    to?: { readonly output: WriteStream; readonly words: () => string }
  ): Promise<HelmAnswer<string>> {
    // The library is loaded here, because most installations never run helm and start sooner without it.
    const { execa } = await import('execa')
    const context = options.context === undefined ? [] : ['--kube-context', options.context]
    const result = await execa(options.program, withFlags(args, context), {
      env: environment(home),
      extendEnv: false,
      stdin: 'ignore',
      stdout: to?.output ?? 'pipe',
      stderr: to?.output ?? 'pipe',
      reject: false,
      // Helm has its own process group, so that a signal to Astern does not reach a helm that is half-way through a release.
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
    const failed = { kind: 'failed', ...classify(scrub(to === undefined ? String(result.stderr ?? '') : to.words())) } as const
    return result.exitCode === undefined ? failed : { ...failed, exitCode: result.exitCode }
  }

  function get(what: 'manifest' | 'hooks', place: HelmPlace, revision: number): Promise<HelmAnswer<string>> {
    return run(['get', what, '--revision', String(revision), ...within(place), '--', place.release], READ_WITHIN_MS)
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
      const answer = await run(['history', ...within(place), '--max', String(HISTORY), '-o', 'json', '--', place.release], READ_WITHIN_MS)
      if (answer.kind === 'failed') return answer
      const revisions = parseHistory(answer.value)
      return revisions === undefined
        ? { kind: 'failed', problem: 'other', detail: 'helm history answered something that cannot be read' }
        : { kind: 'done', value: revisions }
    },

    async manifestDigest(place, revision) {
      const manifest = await get('manifest', place, revision)
      return manifest.kind === 'failed' ? manifest : { kind: 'done', value: sha256(manifest.value) }
    },

    async contents(place, revision) {
      const manifest = await get('manifest', place, revision)
      if (manifest.kind === 'failed') return manifest
      const hooks = await get('hooks', place, revision)
      if (hooks.kind === 'failed') return hooks
      const [objects, ofHooks] = [await manifestObjects(manifest.value), await manifestObjects(hooks.value)]
      return isUnreadable(objects) || isUnreadable(ofHooks)
        ? { kind: 'failed', problem: 'other', detail: `the manifest of revision ${revision} cannot be read` }
        : { kind: 'done', value: { objects, hooks: ofHooks } }
    },

    async hooks(place, revision) {
      const args = ['status', '--revision', String(revision), ...within(place), '-o', 'json', '--', place.release]
      const answer = await run(args, READ_WITHIN_MS)
      if (answer.kind === 'failed') return answer
      const runs = parseHooks(answer.value)
      return runs === undefined
        ? { kind: 'failed', problem: 'other', detail: 'helm status answered something that cannot be read' }
        : { kind: 'done', value: runs }
    },

    async rollback(args, timeoutMs) {
      // Helm's own limit is for each wait, not for the whole. A helm that takes a minute longer hangs.
      const answer = await runOn(args, timeoutMs + MINUTE)
      return answer.kind === 'failed' ? answer : { kind: 'done', value: undefined }
    }
  }
}

function within({ namespace }: HelmPlace): readonly string[] {
  return ['--namespace', namespace]
}

/** Parses the output of `helm history -o json`, oldest first; undefined for anything else. */
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

/** The hooks that were run, out of `helm status -o json`; undefined for anything else. Nothing else of the release is kept. */
export function parseHooks(text: string): readonly HookRun[] | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(parsed)) return undefined
  return listAt(parsed, 'hooks').flatMap(hook => {
    const phase = textAt(hook, 'last_run', 'phase') ?? ''
    const startedAt = instantAt(hook, 'last_run', 'started_at')
    if (phase === '' || startedAt === undefined) return []
    const events = listAt(hook, 'events').filter(event => typeof event === 'string')
    return [{ kind: textAt(hook, 'kind') ?? '', name: textAt(hook, 'name') ?? '', events, phase, startedAt }]
  })
}
