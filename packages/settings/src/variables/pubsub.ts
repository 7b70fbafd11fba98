// Records that Google Pub/Sub pushes to the streaming server.
import { secret, text } from '../values/index.js';
import { setting } from './setting.js';

export const pubsubSettings = {
  PUBSUB_PUSH_AUDIENCE: setting({
    value: text().optional(),
    readBy: ['streaming'],
    description: 'Audience of the push subscription that posts to `/`.',
    details: 'A push needs both this and `PUBSUB_PUSH_ACCOUNT`, or `PUBSUB_PUSH_TOKEN`. Without them, `/` answers 404.',
  }),
  PUBSUB_PUSH_ACCOUNT: setting({
    value: text({
      pattern: /@/,
      expected: 'the e-mail address of a service account',
      summary: 'e-mail address',
    }).optional(),
    readBy: ['streaming'],
    description: 'Service account that signs the pushes.',
  }),
  PUBSUB_PUSH_TOKEN: setting({
    value: secret().optional(),
    readBy: ['streaming'],
    description: 'A secret in the URL of the push, `/?token=…`, instead of audience and account.',
  }),
  PUBSUB_PUSH_JWKS: setting({
    value: text({ expected: 'a URL or the path of a file', summary: 'URL or path' }).default(
      'https://www.googleapis.com/oauth2/v3/certs',
    ),
    readBy: ['streaming'],
    description: "Keys that verify Google's tokens.",
  }),
};
