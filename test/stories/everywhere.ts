import type { Test } from 'tap'
import type { Site } from '../support/world/world.ts'
import { pressed } from './answer-stories.ts'
import { forgedEarly, forgedLate, forgedResolve, lostResolve } from './claim-stories.ts'
import { killedAt, WRITING_POINTS } from './crash.ts'
import { story1, story8, story9, story10, story16, twoAlertmanagers } from './stories.ts'

export interface Story {
  readonly title: string
  /** Of its own, so that stories can be played side by side on one cluster. */
  readonly namespace: string
  readonly play: (t: Test, site: Site, namespace: string) => Promise<void>
}

/** The stories that are played on every kind of cluster: on the sandbox by `npm test`, on a real control plane by `npm run test:e2e`. */
export const STORIES: readonly Story[] = [
  { title: '1. a bad rollout is undone, once', namespace: 'story-1', play: story1 },
  { title: '1. with two Alertmanagers that both deliver', namespace: 'story-1-peers', play: twoAlertmanagers },
  { title: '8. nothing gets better', namespace: 'story-8', play: story8 },
  { title: '9. someone deploys forward', namespace: 'story-9', play: story9 },
  { title: '10. no data', namespace: 'story-10', play: story10 },
  { title: 'an alert claims an earlier start than the symptom has', namespace: 'claim-early', play: forgedEarly },
  { title: 'an alert claims a later start than the symptom has', namespace: 'claim-late', play: forgedLate },
  { title: 'an alert is said to be over while its errors go on', namespace: 'claim-over', play: forgedResolve },
  { title: 'Alertmanager forgets to say that an alert is over', namespace: 'claim-lost', play: lostResolve },
  { title: 'somebody presses “I’ve got this”', namespace: 'answer-taken', play: pressed },
  { title: '16. dry runs write nothing', namespace: 'story-16', play: story16 }
]

/** Story 14 at every point around a write. */
export const KILLED: readonly Story[] = WRITING_POINTS.map(point => ({
  title: `14. killed at ${point}`,
  namespace: `killed-${point}`,
  play: (t, site, namespace) => killedAt(t, site, namespace, point)
}))

/**
 * Plays stories side by side: each mostly waits.
 * @param after what is looked at besides, once the story of that title is over
 */
export function playAll(
  t: Pick<Test, 'test'>,
  site: Site,
  stories: readonly Story[],
  after: Readonly<Record<string, (t: Test, story: Story) => Promise<void>>> = {}
): void {
  for (const story of stories)
    void t.test(story.title, { buffered: true }, async t => {
      await story.play(t, site, story.namespace)
      await after[story.title]?.(t, story)
    })
}
