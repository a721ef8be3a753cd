'use client';

import { useEffect } from 'react';
import { init } from '@sillage/tracker';
import { actions } from '@sillage/tracker/actions';

export function Measure() {
  useEffect(() => {
    init({ site: 'next.example' });
    actions();
  }, []);
}
