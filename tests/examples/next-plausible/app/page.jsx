'use client';

import { usePlausible } from 'next-plausible';

export default function PlausibleButton() {
  const plausible = usePlausible();
  return (
    <>
      <h1>First</h1>
      <button onClick={() => plausible('customEventName')}>Send</button>
      <button id="foo" onClick={() => plausible('customEventName', { props: { buttonId: 'foo' } })}>Send with props</button>
    </>
  );
}
