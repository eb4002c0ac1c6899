export type { Notifier, NotifierOptions } from './create-notifier.ts';
export { createNotifier } from './create-notifier.ts';
export type { Notification } from './notification.ts';
export { notificationBody } from './notification.ts';
