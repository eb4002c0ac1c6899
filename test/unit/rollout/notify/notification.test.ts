import { describe, expect, it } from 'vitest';
import { type Notification, notificationBody } from '../../../../src/rollout/notify/index.ts';

const notification: Notification = {
  rollout: 'web',
  namespace: 'shop',
  revision: '3f2a9c01',
  type: 'Warning',
  reason: 'GateFailed',
  message: 'errors is 0.05 & rising; good is result < 0.01 <!channel>',
  wave: 'first',
  member: 'eu-1',
  time: '2026-01-01T00:00:00.000Z',
};

describe('a notification', () => {
  it('in JSON has the fields that are documented', () => {
    expect(JSON.parse(notificationBody(notification, 'Json'))).toEqual(notification);
  });

  it('for Slack is one text that wakes nobody by accident', () => {
    const { text, blocks } = JSON.parse(notificationBody(notification, 'Slack')) as {
      text: string;
      blocks: unknown;
    };
    expect(text).toBe(
      ':warning: *shop/web* GateFailed: errors is 0.05 &amp; rising; good is result &lt; 0.01 &lt;!channel&gt;',
    );
    expect(blocks).toEqual([
      { type: 'section', text: { type: 'mrkdwn', text } },
      {
        type: 'context',
        elements: [{ type: 'mrkdwn', text: 'revision 3f2a9c01 · wave first · cluster eu-1' }],
      },
    ]);
  });

  it('for Slack keeps to what Slack takes', () => {
    const body = notificationBody({ ...notification, message: 'x'.repeat(10_000) }, 'Slack');
    const { text } = JSON.parse(body) as { text: string };
    expect(text.length).toBeLessThan(3_000);
  });
});
