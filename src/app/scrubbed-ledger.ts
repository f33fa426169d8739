import { type Scrub, scrubbedCopy } from '../base/secrets.ts'
import type { AuditEntry } from '../domain/audit.ts'
import type { Message } from '../domain/message.ts'
import type { BlindNews } from '../domain/ports/blind-ledger.ts'
import type { Ledger } from '../domain/ports/ledger.ts'
import type { RunChange } from '../domain/run.ts'

/**
 * A ledger into which no known credential goes with an audit row, a message, or the detail of a run. Plans go in as they are: a
 * credential that stands in a pod's template must stand in it after a write as well.
 */
export function scrubbedLedger(ledger: Ledger, scrub: Scrub): Ledger {
  const rows = (entries: readonly AuditEntry[]): AuditEntry[] => entries.map(entry => withBody(entry, scrubbedCopy(entry.body, scrub)))
  const messages = (list: readonly Message[]): Message[] =>
    list.map(message => ({
      ...message,
      title: scrub(message.title),
      text: scrub(message.text),
      labels: scrubbedCopy(message.labels, scrub),
      details: scrubbedCopy(message.details, scrub)
    }))
  const change = (of: RunChange): RunChange => ({
    ...of,
    ...(typeof of.detail === 'string' ? { detail: scrub(of.detail) } : {}),
    ...(of.progress === undefined ? {} : { progress: scrubbedCopy(of.progress, scrub) })
  })
  const blindNews = (news: BlindNews): BlindNews => ({ messages: messages(news.messages), audit: rows(news.audit) })
  return {
    ...ledger,
    append: entries => ledger.append(rows(entries)),
    admit: admissions =>
      ledger.admit(
        admissions.map(admission => ({
          ...admission,
          audit: rows(admission.audit),
          ...(admission.messages === undefined ? {} : { messages: messages(admission.messages) })
        }))
      ),
    save: (claim, request, now) =>
      ledger.save(
        claim,
        {
          ...request,
          change: change(request.change),
          audit: rows(request.audit),
          ...(request.messages === undefined ? {} : { messages: messages(request.messages) })
        },
        now
      ),
    claimIntent: (claim, request) => ledger.claimIntent(claim, { ...request, audit: rows(request.audit) }),
    begin: (run, key, audit) => ledger.begin(run, key, rows(audit)),
    saveDryRun: (run, audit, looked) =>
      ledger.saveDryRun({ ...run, ...(run.detail === undefined ? {} : { detail: scrub(run.detail) }) }, rows(audit), looked),
    messageSent: (queued, result, nextAt, now) => ledger.messageSent(queued, scrubbedCopy(result, scrub), nextAt, now),
    handOver: request =>
      ledger.handOver(request.to.reason === undefined ? request : { ...request, to: { ...request.to, reason: scrub(request.to.reason) } }),
    recordMarker: (marker, audit) => ledger.recordMarker(marker, rows(audit)),
    beginBlindness: (begun, news) => ledger.beginBlindness({ ...begun, detail: scrub(begun.detail) }, blindNews(news)),
    changeBlindness: (begun, news, now) => ledger.changeBlindness({ ...begun, detail: scrub(begun.detail) }, blindNews(news), now),
    endBlindness: (begun, news, now) => ledger.endBlindness(begun, blindNews(news), now),
    settleLoan: (id, settled, now) =>
      ledger.settleLoan(id, { ...settled, audit: rows(settled.audit), messages: messages(settled.messages) }, now)
  }
}

function withBody<Entry extends AuditEntry>(entry: Entry, body: Entry['body']): Entry {
  return Object.assign({}, entry, { body })
}
