import t from 'tap'
import {
  cappedOnTheWay,
  deniedByPolicy,
  exactNumbers,
  mutatedOnTheWay,
  nextClientSideApply,
  nextServerSideApply,
  type WriteSite
} from '../stories/write-stories.ts'
import { openKubectl } from '../support/cluster/kubectl.ts'
import { openSite } from '../support/e2e/site.ts'

// What the API server makes of a write, what it says of one, and what the write leaves for the next deploy.
t.jobs = 3
const { plane, site: plain } = await openSite(t)
const site: WriteSite = { ...plain, plane, kubectl: await openKubectl(t, plane.kubeconfig) }

void t.test('an admission policy that v1 violates: people at once', { buffered: true }, t => deniedByPolicy(t, site, 'denied-policy'))
void t.test('a webhook touches the template on the way', { buffered: true }, t => mutatedOnTheWay(t, site, 'mutated'))
void t.test('a webhook touches the template, and Astern is killed right after', { buffered: true }, t =>
  mutatedOnTheWay(t, site, 'mutated-killed', { killedAt: 'after-write' })
)
void t.test('a webhook caps the number of pods: nothing is written', { buffered: true }, t => cappedOnTheWay(t, site, 'capped'))
void t.test('numbers that JavaScript cannot hold', { buffered: true }, t => exactNumbers(t, site, 'exact-numbers'))
void t.test('the next server-side apply finds no conflict', { buffered: true }, t => nextServerSideApply(t, site, 'next-ssa'))
void t.test('what the next client-side apply leaves behind is told', { buffered: true }, t => nextClientSideApply(t, site, 'next-csa'))
