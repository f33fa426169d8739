import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeCertificates } from '../certificates.ts'
import { type AlertmanagerApi, alertmanagerApi } from './alertmanager.ts'
import type { Somewhere } from './everywhere.ts'
import { letterOf, Mailbox } from './mailbox.ts'
import { type Pagerduty, pagerduty, ROUTING_KEY } from './pagerduty.ts'
import { SLACK_CHANNEL, SLACK_TOKEN, type Slack, slack } from './slack.ts'
import { type MailServer, startMailServer } from './smtp.ts'
import { type Fault, type Imitation, serve } from './stand-in.ts'
import { TEAMS_PATH, type Teams, teams } from './teams.ts'
import { WEBHOOK_SECRET, type Webhook, webhook } from './webhook.ts'

/** All providers on loopback, and the channels of a policy file that lead to them. */
export interface Loopback {
  readonly slack: Slack
  readonly pagerduty: Pagerduty
  readonly teams: Teams
  readonly tool: Webhook
  readonly alertmanager: AlertmanagerApi
  /** What arrived at the mail server by now. */
  mailbox(): Mailbox
  /** Is called for each mail that the server takes. */
  onMail(listener: () => void): void
  /** `channels:` of a policy file. Kubernetes Events need no entry. */
  readonly channels: Readonly<Record<Exclude<Somewhere, 'kubernetes-event'>, object>>
  /** How all of them are down; undefined: they work. */
  go(down: Fault | undefined): void
}

/** @param folder for the files that the settings name */
export async function loopback(t: Test, folder: string): Promise<Loopback> {
  mkdirSync(folder, { recursive: true })
  const file = (name: string, content: string): string => {
    const path = join(folder, name)
    writeFileSync(path, `${content}\n`, { mode: 0o600 })
    return path
  }
  const certificates = makeCertificates(join(folder, 'certificates'))
  const [workspace, pages, workflow, tool, alerts] = [slack(), pagerduty(), teams(), webhook(), alertmanagerApi()]
  const served = async (provider: Parameters<typeof serve>[1]): Promise<Imitation> => serve(t, provider)
  const at = {
    slack: await served(workspace),
    pagerduty: await served(pages),
    teams: await served(workflow),
    tool: await served(tool),
    alertmanager: await served(alerts)
  }
  const smtp: MailServer = await startMailServer(t, { certificates, implicit: false })
  return {
    slack: workspace,
    pagerduty: pages,
    teams: workflow,
    tool,
    alertmanager: alerts,
    mailbox() {
      const mailbox = new Mailbox()
      for (const { source } of smtp.mails) mailbox.take(letterOf(source))
      return mailbox
    },
    onMail(listener) {
      smtp.onMail = listener
    },
    channels: {
      bot: { slack: { tokenFile: file('token', SLACK_TOKEN), channel: SLACK_CHANNEL, apiUrl: at.slack.origin } },
      incoming: { slack: { webhookUrlFile: file('incoming', `${at.slack.origin}/services/T0/B0/x`) } },
      pager: { pagerduty: { routingKeyFile: file('key', ROUTING_KEY), url: at.pagerduty.origin } },
      mail: {
        email: {
          host: '127.0.0.1',
          port: smtp.port,
          caFile: certificates.ca,
          username: 'astern',
          passwordFile: file('password', 'pa55word'),
          from: 'astern@example.org',
          to: ['api@example.org']
        }
      },
      teams: { teams: { urlFile: file('teams', `${at.teams.origin}${TEAMS_PATH}`) } },
      alertmanager: { alertmanager: { url: at.alertmanager.origin } },
      tool: { webhook: { url: `${at.tool.origin}/hook`, secretFile: file('secret', WEBHOOK_SECRET) } }
    },
    go(down) {
      for (const server of [...Object.values(at), smtp]) server.down = down
    }
  }
}
