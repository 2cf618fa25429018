# Says whether a fault is switched on; "crash" ends the runner there and then.
require "rspec/retry"

module Faults
  def fault(name)
    on = ENV.fetch("EXAMPLE_FAULTS", "").split(",").include?(name)
    Process.kill("KILL", Process.pid) if on && name == "crash"
    on
  end

  def first_attempt? = ENV.fetch("E2E_ATTEMPT", "1") == "1"
end

RSpec.configure do |c|
  c.include Faults
  c.filter_run_when_matching :focus
  c.before(:suite) { $set_up = true }
end
