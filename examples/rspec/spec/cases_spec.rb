# Passes, a failure, a flake, skips, examples in a loop and of a shared group, hostile names.
RSpec.shared_examples("an audited action") do
  it("is audited") { skip "the audit service is not there" }
end

RSpec.describe "Submit", :smoke, journey: "case-submission" do
  ["low", "LOW", "high risk", "a › b", "a/b (1+1) $", "two\nlines"].each do |risk|
    it("takes #{risk}") { expect([risk, $set_up]).to all(be_truthy) }
  end

  it("takes 'quotes' \"of\" [each] *? {kind} #1 <é>", owner: "intake") {}
end

RSpec.describe "Review" do
  # Fails with the fault "fail".
  it("counts approvals") { expect(fault("fail") ? 1 : 2).to eq 2 }

  # Flaky with the fault "flake": the gate's rerun passes.
  it("notifies") { expect(fault("flake") && first_attempt? ? "no message" : "a message").to eq "a message" }

  it { expect(1).to eq 1 }

  include_examples "an audited action"

  it("archives")

  # Ends the runner with the fault "crash".
  it("escalates") { fault("crash") }
end
