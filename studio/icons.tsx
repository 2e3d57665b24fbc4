/** @file The few drawings of the interface, in the colour of the text around them; they say nothing to a screen reader. */
import type { ComponentChildren } from 'preact';

function Icon({ size = 20, children }: { readonly size?: number; readonly children: ComponentChildren }) {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" class="icon">
      {children}
    </svg>
  );
}

export const SearchIcon = () => (
  <Icon>
    <circle cx="11" cy="11" r="6.5" />
    <path d="m16 16 4.5 4.5" />
  </Icon>
);

export const PictureIcon = ({ size = 20 }: { readonly size?: number }) => (
  <Icon size={size}>
    <rect x="3.5" y="4.5" width="17" height="15" rx="2.5" />
    <circle cx="9" cy="10" r="1.6" />
    <path d="m4 17 5-4 3.5 2.8L16 12l4.5 4" />
  </Icon>
);

export const FilmIcon = ({ size = 20 }: { readonly size?: number }) => (
  <Icon size={size}>
    <rect x="3.5" y="5.5" width="17" height="13" rx="2.5" />
    <path d="m10.3 9.3 4.4 2.7-4.4 2.7z" />
  </Icon>
);

export const SoundIcon = ({ size = 20 }: { readonly size?: number }) => (
  <Icon size={size}>
    <path d="M4 10v4M8 7v10M12 4.5v15M16 8v8M20 10.5v3" />
  </Icon>
);

export const TextIcon = ({ size = 20 }: { readonly size?: number }) => (
  <Icon size={size}>
    <path d="M5 6.5h14M5 11h14M5 15.5h9" />
  </Icon>
);

export const UploadIcon = () => (
  <Icon>
    <path d="M12 15.5V5m0 0L8 9m4-4 4 4M5 15v2.5A1.5 1.5 0 0 0 6.5 19h11a1.5 1.5 0 0 0 1.5-1.5V15" />
  </Icon>
);

export const MicrophoneIcon = () => (
  <Icon>
    <rect x="9" y="3.5" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </Icon>
);

export const CameraIcon = () => (
  <Icon>
    <path d="M4.5 8h3l1.6-2.5h5.8L16.5 8h3A1.5 1.5 0 0 1 21 9.5V17a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17V9.5A1.5 1.5 0 0 1 4.5 8z" />
    <circle cx="12" cy="13" r="3.2" />
  </Icon>
);

export const CloseIcon = ({ size = 20 }: { readonly size?: number }) => (
  <Icon size={size}>
    <path d="m6.5 6.5 11 11m0-11-11 11" />
  </Icon>
);

export const FilterIcon = () => (
  <Icon size={16}>
    <path d="M4 7h16M7 12h10M10 17h4" />
  </Icon>
);

export const PreviousIcon = () => (
  <Icon>
    <path d="m14.5 6-6 6 6 6" />
  </Icon>
);

export const NextIcon = () => (
  <Icon>
    <path d="m9.5 6 6 6-6 6" />
  </Icon>
);
