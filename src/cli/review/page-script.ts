/**
 * Script of the review page: plain JavaScript for browsers, without backslashes or templates.
 *
 * The source leads. The result follows by playback rate, and by a seek when it is far off; when one loads, both wait.
 */
export const PAGE_SCRIPT = `
'use strict';
(() => {
  // Seconds. Below the first nothing is done; above the second a jump is quicker than a change of speed.
  const IN_STEP = 0.02;
  const FAR_OFF = 0.3;
  // Of a second: one frame, until the real one was seen.
  const USUAL_FRAME = 1 / 25;
  const HAVE_FUTURE_DATA = 3;

  const clock = (seconds) => {
    const whole = Math.max(0, seconds);
    const minutes = String(Math.floor(whole / 60)).padStart(2, '0');
    return minutes + ':' + (whole % 60).toFixed(2).padStart(5, '0');
  };

  class Player {
    constructor(section) {
      this.section = section;
      this.videos = [...section.querySelectorAll('video')];
      [this.source, this.result] = this.videos;
      this.playing = false;
      this.speed = 1;
      this.frame = USUAL_FRAME;
      this.at = 0;
      const find = (name) => section.querySelector('[data-' + name + ']');
      this.button = find('play');
      this.bar = find('bar');
      this.time = find('time');
      this.button.addEventListener('click', () => this.toggle());
      find('back').addEventListener('click', () => this.step(-1));
      find('forward').addEventListener('click', () => this.step(1));
      find('speed').addEventListener('change', (event) => this.setSpeed(Number(event.target.value)));
      this.bar.addEventListener('input', () => this.seek(Number(this.bar.value)));
      for (const video of this.videos) this.listen(video);
    }

    listen(video) {
      const holder = video.closest('figure');
      video.addEventListener('error', () => {
        if (!video.getAttribute('src')) return;
        holder.classList.add('failed');
        this.show();
      });
      video.addEventListener('loadedmetadata', () => {
        holder.classList.remove('failed');
        if (this.at > 0) video.currentTime = Math.min(this.at, video.duration);
        this.show();
      });
      for (const name of ['seeked', 'canplay', 'ended']) video.addEventListener(name, () => this.show());
      video.addEventListener('click', () => this.toggle());
    }

    // Videos load only while they are near the window: a browser plays some dozens at most.
    load() {
      for (const video of this.videos) {
        if (video.dataset.src && !video.getAttribute('src')) video.src = video.dataset.src;
      }
    }

    unload() {
      this.pause();
      for (const video of this.videos) {
        if (!video.getAttribute('src')) continue;
        video.removeAttribute('src');
        video.load();
      }
    }

    usable() {
      return this.videos.filter((video) => video.getAttribute('src') && !video.error && video.duration > 0);
    }

    get duration() {
      return Math.max(0, ...this.usable().map((video) => video.duration));
    }

    // The first that has not ended tells the time.
    get leader() {
      const usable = this.usable();
      return usable.find((video) => !video.ended) ?? usable[0];
    }

    toggle() {
      if (this.playing) this.pause();
      else this.play();
    }

    play() {
      this.load();
      if (this.playing) return;
      if (this.duration > 0 && this.at >= this.duration - this.frame / 2) this.seek(0);
      for (const player of players) if (player !== this) player.pause();
      this.playing = true;
      this.button.textContent = 'Pause';
      this.tick();
    }

    pause() {
      this.playing = false;
      this.button.textContent = 'Play';
      for (const video of this.videos) video.pause();
      this.level();
      this.show();
    }

    // At rest both stand on the same picture.
    level() {
      const leader = this.leader;
      if (!leader) return;
      this.at = leader.currentTime;
      for (const video of this.usable()) {
        const to = Math.min(this.at, video.duration);
        if (video.currentTime !== to) video.currentTime = to;
      }
    }

    seek(seconds) {
      this.at = Math.min(Math.max(0, seconds), this.duration || 0);
      for (const video of this.usable()) {
        video.pause();
        video.currentTime = Math.min(this.at, video.duration);
      }
      this.show();
    }

    step(frames) {
      if (this.playing) this.pause();
      // To the middle of a frame: its edge may show the one before.
      const number = Math.floor(this.at / this.frame + 1e-6) + frames;
      this.seek((number + 0.5) * this.frame);
    }

    setSpeed(speed) {
      this.speed = speed;
      for (const video of this.videos) video.playbackRate = speed;
    }

    tick() {
      if (!this.playing) return;
      const usable = this.usable();
      const open = usable.filter((video) => !video.ended);
      const failed = this.videos.every((video) => video.error || !video.dataset.src);
      if (failed || (usable.length > 0 && open.length === 0)) {
        this.pause();
        return;
      }
      const ready = open.every((video) => video.readyState >= HAVE_FUTURE_DATA && !video.seeking);
      for (const video of open) {
        if (!ready) video.pause();
        else if (video.paused) {
          video.play().catch((error) => {
            if (error.name !== 'AbortError') this.pause();
          });
        }
      }
      if (ready && open.length === 2) this.correct();
      this.at = this.leader ? this.leader.currentTime : this.at;
      this.measureFrame();
      this.show();
      requestAnimationFrame(() => this.tick());
    }

    correct() {
      const behind = this.source.currentTime - this.result.currentTime;
      this.source.playbackRate = this.speed;
      if (Math.abs(behind) > FAR_OFF) {
        this.result.currentTime = this.source.currentTime;
        this.result.playbackRate = this.speed;
      } else if (Math.abs(behind) > IN_STEP) {
        this.result.playbackRate = this.speed * (1 + Math.max(-0.25, Math.min(0.25, behind * 2)));
      } else {
        this.result.playbackRate = this.speed;
      }
    }

    measureFrame() {
      if (this.measuring || !this.source.requestVideoFrameCallback) return;
      this.measuring = true;
      let before;
      let smallest = Infinity;
      let seen = 0;
      const look = (_now, picture) => {
        const gap = before === undefined ? 0 : picture.mediaTime - before;
        before = picture.mediaTime;
        if (gap > 0.005) smallest = Math.min(smallest, gap);
        seen += 1;
        if (seen < 30) this.source.requestVideoFrameCallback(look);
        else if (smallest < 0.2) this.frame = smallest;
      };
      this.source.requestVideoFrameCallback(look);
    }

    show() {
      const duration = this.duration;
      if (!this.playing && this.leader) this.at = this.leader.currentTime;
      this.bar.max = String(duration || 1);
      this.bar.value = String(this.at);
      this.time.textContent = clock(this.at) + ' / ' + clock(duration);
      const waiting = this.playing && this.usable().some((video) => video.readyState < HAVE_FUTURE_DATA);
      this.section.classList.toggle('waiting', waiting);
      if (waiting) this.time.textContent = 'loading…';
    }
  }

  const players = [...document.querySelectorAll('.erase')].map((section) => new Player(section));
  let current = 0;

  const choose = (index, scroll) => {
    if (players.length === 0) return;
    players[current].section.classList.remove('current');
    current = Math.min(Math.max(0, index), players.length - 1);
    const { section } = players[current];
    section.classList.add('current');
    if (scroll) {
      players[current].load();
      section.scrollIntoView({ block: 'start' });
    }
  };

  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const player = players.find((each) => each.section === entry.target);
        if (entry.isIntersecting) player.load();
        else player.unload();
      }
    },
    { rootMargin: '800px 0px' },
  );
  for (const [index, player] of players.entries()) {
    near.observe(player.section);
    player.section.addEventListener('pointerdown', () => choose(index, false));
    player.section.addEventListener('focusin', () => choose(index, false));
  }
  choose(0, false);

  const copied = (button, text) => {
    button.textContent = text;
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2000);
  };
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', async () => {
      const text = button.parentElement.querySelector('pre');
      try {
        await navigator.clipboard.writeText(text.textContent);
        copied(button, 'Copied');
      } catch {
        getSelection().selectAllChildren(text);
        copied(button, 'Selected');
      }
    });
  }

  const KEYS = {
    ' ': (player) => player.toggle(),
    k: (player) => player.toggle(),
    ',': (player) => player.step(-1),
    '.': (player) => player.step(1),
    ArrowLeft: (player) => player.seek(player.at - 1),
    ArrowRight: (player) => player.seek(player.at + 1),
    Home: (player) => player.seek(0),
    End: (player) => player.seek(player.duration),
    n: () => choose(current + 1, true),
    p: () => choose(current - 1, true),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A button that has the focus does its own thing with a space, and a list its own with arrows.
    const tag = event.target.tagName;
    if (tag === 'SELECT' || (tag === 'INPUT' && event.key.startsWith('Arrow')) || (tag === 'BUTTON' && event.key === ' ')) return;
    const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : undefined;
    if (!act || players.length === 0) return;
    event.preventDefault();
    act(players[current]);
  });
})();
`;
