import Link from 'next/link';
import PlausibleProvider from 'next-plausible';

export const metadata = { title: 'Boats', icons: 'data:,' };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <PlausibleProvider>
          <Link href="/">Home</Link> <Link href="/second">Second</Link>
          {children}
        </PlausibleProvider>
      </body>
    </html>
  );
}
