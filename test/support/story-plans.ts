import { createActions } from '../../src/actions/registry.ts'
import type { Action, Tools } from '../../src/domain/action.ts'
import type { Plan, WriteIntent } from '../../src/domain/plan.ts'
import { type ActionStory, actionStories } from './story-actions.ts'
import { StoryCluster } from './story-cluster.ts'
import { storyNeeds, storyTools } from './story-tools.ts'
import { badRollout, NOON, planInput, TARGET } from './workloads.ts'

/** One plan of a story, and a way to carry it out in the world that it was made in. */
export interface StoryPlan {
  readonly plan: Plan
  /** Makes the intent's write. @returns what went out, in order, as JSON */
  send(intent: WriteIntent): Promise<readonly string[]>
}

/** The plans of every action, each made at this instant in a world of its own, in which nothing has been written yet. */
export async function storyPlans(now: number): Promise<readonly StoryPlan[]> {
  const rungs = actionStories().flatMap(({ steps }, index) => steps.map((_, rung) => ({ index, rung })))
  return Promise.all(
    rungs.map(({ index, rung }) => {
      // Stories have a memory: each plan gets its own.
      const story = actionStories()[index]
      if (story === undefined) throw new Error('there is no such story')
      return planOf(story, rung, now)
    })
  )
}

async function planOf(story: ActionStory, rung: number, now: number): Promise<StoryPlan> {
  const signal = AbortSignal.timeout(60_000)
  const cluster = new StoryCluster(CLOCK)
  cluster.put(badRollout())
  story.set?.(cluster)
  const sent: string[] = []
  const step = story.steps[rung]
  const { action, tools } = overheard(story, step?.action ?? '', cluster, sent)
  const read = await cluster.read(step?.target ?? TARGET)
  if (step === undefined || read.kind !== 'found') throw new Error(`${story.name} has no target`)
  const { options: _, ...situation } = planInput(read.workload, { owners: await cluster.owners(), now })
  const result = await action.plan(tools, { ...situation, with: step.with }, signal)
  if (result.kind === 'refused') throw new Error(`${story.name}: ${result.refusal.reason}: ${result.refusal.detail}`)
  return {
    plan: result.plan,
    async send(intent) {
      sent.length = 0
      await action.apply(tools, intent, { dryRun: false }, signal)
      return [...sent]
    }
  }
}

const CLOCK = { now: () => NOON, sleep: async () => {} }

/** The story's action, and tools that tell of everything that goes out through them. */
function overheard(
  { needs = {} }: ActionStory,
  name: string,
  cluster: StoryCluster,
  sent: string[]
): { readonly action: Action; readonly tools: Tools } {
  const said = (...what: readonly unknown[]): void => {
    sent.push(JSON.stringify(what))
  }
  const { helm, http } = storyNeeds(needs)
  const { kube } = cluster
  const actions = createActions({
    ...storyNeeds(needs),
    helm: {
      major: helm.major,
      history: helm.history,
      manifestDigest: helm.manifestDigest,
      contents: helm.contents,
      hooks: helm.hooks,
      rollback: (args, timeoutMs, signal) => {
        said('helm', args, timeoutMs)
        return helm.rollback(args, timeoutMs, signal)
      }
    },
    http: {
      send: (call, sending, signal) => {
        said('http', call, sending)
        return http.send(call, sending, signal)
      }
    }
  })
  const action = actions.find(candidate => candidate.name === name)
  if (action === undefined) throw new Error(`there is no action ${name}`)
  const tools = storyTools(cluster, CLOCK, {
    cluster: {
      owners: () => cluster.owners(),
      isNamespaced: (apiVersion, kind) => cluster.isNamespaced(apiVersion, kind),
      around: cluster.around,
      clockOffset: () => cluster.clockOffset(),
      write: (plan, options) => {
        said('patch', plan.write, options)
        return cluster.write(plan, options)
      }
    },
    kube: {
      get: path => kube.get(path),
      metadata: path => kube.metadata(path),
      metadataOf: path => kube.metadataOf(path),
      jsonPatch: (path, operations) => {
        said('PATCH', path, operations)
        return kube.jsonPatch(path, operations)
      },
      post: (path, object) => {
        said('POST', path, object)
        return kube.post(path, object)
      },
      put: (path, object) => {
        said('PUT', path, object)
        return kube.put(path, object)
      },
      delete: path => {
        said('DELETE', path)
        return kube.delete(path)
      }
    }
  })
  return { action, tools }
}
