# With the fault "fail" a hook fails, and with it the example that needs it.
RSpec.describe "with a session" do
  before(:context) { raise "no session" if fault("fail") }

  it("reads") {}
end

# The name of an example of another file.
RSpec.describe "Review" do
  it("counts approvals") {}
end
