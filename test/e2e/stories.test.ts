import t from 'tap'
import { KILLED, playAll, STORIES } from '../stories/everywhere.ts'
import { openSite } from '../support/e2e/site.ts'

// The same stories, on real controllers: a Deployment is rolled out and undone by kube-controller-manager.
t.jobs = 6
const { plane, site } = await openSite(t)

playAll(t, site, STORIES, {
  async '16. dry runs write nothing'(t, { namespace }) {
    const asked = (await plane.audit()).filter(
      event => event.uri.includes(`/namespaces/${namespace}/`) && event.uri.includes('fieldManager=astern')
    )
    t.ok(asked.length > 0)
    t.ok(
      asked.every(event => event.uri.includes('dryRun=All')),
      'the API server’s own audit log knows of no other write'
    )
  }
})
playAll(t, site, KILLED)
