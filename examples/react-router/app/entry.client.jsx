import { StrictMode, startTransition } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { HydratedRouter } from 'react-router/dom';
import { init } from '@sillage/tracker';
import { actions } from '@sillage/tracker/actions';

init({ site: 'react-router.example' });
actions();

startTransition(() => hydrateRoot(document, <StrictMode><HydratedRouter /></StrictMode>));
