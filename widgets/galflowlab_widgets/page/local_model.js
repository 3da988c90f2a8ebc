// In place of the model that a kernel keeps: the same calls, answered here.
class LocalModel {
  constructor(state, wished) {
    Object.assign(this, { state, wished, wishes: [], ears: [] });
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    if (value !== null) this.wishes.push([name, value]);
  }

  save_changes() {
    for (const [name, value] of this.wishes.splice(0)) this.wished(name, value);
  }

  on(type, action) {
    if (type === "change") this.ears.push(action);
  }

  show(state) {
    Object.assign(this.state, state);
    for (const action of this.ears) action();
  }
}
