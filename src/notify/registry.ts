import { alertmanager } from './alertmanager/alertmanager.ts'
import type { ChannelKind } from './channel-kind.ts'
import { email } from './email/email.ts'
import { kubernetesEvent } from './kubernetes-event/kubernetes-event.ts'
import { log } from './log/log.ts'
import { pagerduty } from './pagerduty/pagerduty.ts'
import { slack } from './slack/slack.ts'
import { teams } from './teams/teams.ts'
import { webhook } from './webhook/webhook.ts'

/** Every kind of channel that Astern has. Adding one is adding a folder and a line here. */
export const CHANNELS: readonly ChannelKind[] = [alertmanager, webhook, kubernetesEvent, slack, pagerduty, email, teams, log]
