import type { Transition } from '../plan/steps/types.ts';

/** What is told about a transition: the fields of the JSON format. */
export interface Notification {
  readonly rollout: string;
  readonly namespace: string;
  /** Revision that is on its way, or was. */
  readonly revision: string;
  readonly type: Transition['type'];
  readonly reason: string;
  readonly message: string;
  readonly wave?: string;
  /** Cluster it is about. */
  readonly member?: string;
  /** When it happened, RFC 3339. */
  readonly time: string;
}

/** Slack takes 3000 characters in a block. */
const maxSlackText = 2_900;

/** The body in one of the two formats. */
export function notificationBody(notification: Notification, format: 'Json' | 'Slack'): string {
  return JSON.stringify(format === 'Slack' ? slackMessage(notification) : notification);
}

/** `text` is what Slack and its kin show in notices and without blocks; the block shows the same with its context. */
function slackMessage(notification: Notification): object {
  const { namespace, rollout, revision, type, reason, message, wave, member } = notification;
  const mark = type === 'Warning' ? ':warning: ' : '';
  const text = `${mark}*${escapeSlack(`${namespace}/${rollout}`)}* ${escapeSlack(`${reason}: ${message}`)}`;
  const context = [
    `revision ${revision}`,
    ...(wave === undefined ? [] : [`wave ${wave}`]),
    ...(member === undefined ? [] : [`cluster ${member}`]),
  ].join(' · ');
  return {
    text: cut(text),
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: cut(text) } },
      { type: 'context', elements: [{ type: 'mrkdwn', text: cut(escapeSlack(context)) }] },
    ],
  };
}

/** The three characters that have a meaning in Slack's text; `<!channel>` in a message must wake nobody. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function cut(text: string): string {
  return text.length > maxSlackText ? `${text.slice(0, maxSlackText)}…` : text;
}
