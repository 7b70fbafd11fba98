import { describe, expect, it } from 'vitest';
import { updateMessage } from '../frames/frame-messages.js';
import { HELLO, parseClientMessage, tokenRejected, vehicleDisconnected, vehicleOffline } from './client-messages.js';

describe('the messages to TeslaMate', () => {
  it('have exactly the members that its client matches', () => {
    expect(JSON.parse(HELLO)).toEqual({ msg_type: 'control:hello', connection_timeout: 30_000 });
    expect(JSON.parse(updateMessage('VIN1', '1,2'))).toEqual({ msg_type: 'data:update', tag: 'VIN1', value: '1,2' });
    expect(JSON.parse(vehicleDisconnected('VIN1'))).toEqual({
      msg_type: 'data:error',
      tag: 'VIN1',
      error_type: 'vehicle_disconnected',
    });
    expect(JSON.parse(vehicleOffline('VIN1'))).toEqual({
      msg_type: 'data:error',
      tag: 'VIN1',
      error_type: 'vehicle_error',
      value: 'Vehicle is offline',
    });
  });

  it('report a bad token with the only text that does not crash it', () => {
    expect(JSON.parse(tokenRejected('VIN1'))).toMatchObject({
      error_type: 'client_error',
      value: expect.stringMatching(/^Can't validate token/),
    });
  });
});

describe('parseClientMessage', () => {
  it.each([
    [
      '{"msg_type":"data:subscribe_oauth","token":"T","value":"speed,soc","tag":"VIN1"}',
      { kind: 'subscribe', tag: 'VIN1', columns: 'speed,soc', token: 'T' },
    ],
    [
      '{"msg_type":"data:subscribe","token":"T","value":"speed","tag":1234}',
      { kind: 'subscribe', tag: '1234', columns: 'speed', token: 'T' },
    ],
    [
      '{"msg_type":"data:subscribe_oauth","tag":"VIN1"}',
      { kind: 'subscribe', tag: 'VIN1', columns: '', token: undefined },
    ],
    ['{"msg_type":"data:unsubscribe","tag":"VIN1"}', { kind: 'unsubscribe', tag: 'VIN1' }],
    ['{"msg_type":"data:subscribe_oauth","token":"T"}', { kind: 'unknown', reason: 'no_tag' }],
    ['{"msg_type":"something"}', { kind: 'unknown', reason: 'unknown_type' }],
    ['null', { kind: 'unknown', reason: 'unknown_type' }],
    ['{', { kind: 'unknown', reason: 'not_json' }],
    ['', { kind: 'unknown', reason: 'not_json' }],
  ])('%s', (text, expected) => {
    expect(parseClientMessage(text)).toEqual(expected);
  });
});
