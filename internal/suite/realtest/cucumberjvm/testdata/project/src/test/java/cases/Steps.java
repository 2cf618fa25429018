package cases;

import io.cucumber.java.en.Given;

public class Steps {
  @Given("{word} works")
  public void works(String what) {
    if (!what.equals("this")) throw new AssertionError(what + " does not work");
  }
}
